from PIL import Image

from i2vda_mmseg.reporting.confusion_chart import draw_confusion, largest_confusions

MATRIX = dict(classes=['road', 'car', 'sky'], counts=[[90, 10, 0], [5, 15, 0], [0, 0, 0]])


def test_the_largest_mistakes_come_first_as_shares_of_the_label():
    assert largest_confusions(MATRIX) == [('car', 'road', 25.0), ('road', 'car', 10.0)]


def test_the_picture_shows_right_ones_darker_than_wrong_ones(tmp_path):
    path = draw_confusion(MATRIX, tmp_path / 'confusion.png')
    with Image.open(path) as image:
        assert image.format == 'PNG'
        assert min(image.size) > 200
        assert len(set(image.convert('RGB').getdata())) > 50
