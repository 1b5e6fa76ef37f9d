"""Sizes, places and contents of a panel."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from i2vda_mmseg.visualization import draw_panel
from i2vda_mmseg.visualization.text import SMALLEST, draw_text, fitting_size, shortened, text_width

# What cell_height=96 gives: margin 6, text of 12, caption of 20.
CELL, MARGIN, CAPTION = (96, 160), 6, 20


def _picture(value=90):
    return np.full((48, 80, 3), value, np.uint8)


def _noise(size=CELL):
    return np.random.default_rng(0).integers(0, 200, (*size, 3), np.uint8)


def _ink(panel):
    """Mask of what is not white."""
    return (panel < 255).any(axis=2)


@pytest.mark.parametrize(('count', 'columns', 'grid'), [(1, 4, (1, 1)), (4, 4, (1, 4)), (5, 2, (3, 2)), (8, 4, (2, 4))])
def test_size_of_the_grid(count, columns, grid):
    panel = draw_panel([('a', _picture())] * count, columns=columns, cell_height=96)
    rows, per_row = grid
    assert panel.shape == (rows * (CAPTION + 96 + MARGIN // 2) + MARGIN // 2, per_row * (160 + MARGIN) + MARGIN, 3)
    assert panel.dtype == np.uint8


def test_pictures_of_the_cells_size_are_drawn_pixel_by_pixel_row_by_row():
    pictures = [_noise() // (index + 1) for index in range(3)]
    panel = draw_panel([('a', picture) for picture in pictures], columns=2, cell_height=96)
    for (row, column), picture in zip([(0, 0), (0, 1), (1, 0)], pictures):
        y, x = row * (CAPTION + 96 + MARGIN // 2) + CAPTION, MARGIN + column * (160 + MARGIN)
        assert (panel[y : y + 96, x : x + 160] == picture).all()


def test_nearest_invents_no_colour_and_the_rest_is_smoothed():
    labels = np.zeros((7, 11, 3), np.uint8)
    labels[2:5, 3:8] = (250, 170, 30)
    panel = draw_panel([('frame', labels), ('labels', labels)], cell_height=70, nearest=['labels'])
    smooth, sharp = (panel[20:90, 6 + k * 116 : 116 + k * 116].reshape(-1, 3) for k in (0, 1))
    assert set(map(tuple, sharp.tolist())) == {(0, 0, 0), (250, 170, 30)}
    assert len(np.unique(smooth, axis=0)) > 10


def test_all_cells_take_the_aspect_ratio_of_the_first():
    panel = draw_panel([('a', _picture()), ('b', np.full((60, 30, 3), 90, np.uint8))], cell_height=96)
    assert (panel[CAPTION : CAPTION + 96, MARGIN + 166 : MARGIN + 326] == 90).all()


def test_title_and_legend_add_height_only():
    cells = [('a', _picture()), ('b', _picture())]
    plain = draw_panel(cells, cell_height=96)
    titled = draw_panel(cells, cell_height=96, title='A title')
    both = draw_panel(cells, cell_height=96, title='A title', legend=[('road', (128, 64, 128))])
    above = len(titled) - len(plain)
    assert above > 0
    assert _ink(titled[:above]).any()
    assert (titled[above:] == plain).all()
    assert (both[: len(titled)] == titled).all()
    assert len(both) > len(titled)


def test_legend_shows_every_colour_in_aligned_columns():
    legend = [(f'class {index}', (10 * index, 200, 255 - index)) for index in range(9)]
    cells = [('a', _picture())] * 2
    below = draw_panel(cells, cell_height=96, legend=legend)[len(draw_panel(cells, cell_height=96)) :]
    places = [np.argwhere((below == color).all(axis=2)).min(axis=0) for _, color in legend]
    rows = sorted({int(y) for y, _ in places})
    assert len(rows) > 1
    first = [int(x) for y, x in places if y == rows[0]]
    for row in rows[1:]:
        xs = [int(x) for y, x in places if y == row]
        assert xs == first[: len(xs)]
    assert not _ink(below)[:, -MARGIN:].any()


@pytest.mark.parametrize('caption', ['O', 'Prediction of M for I_{1}', 'far too long for the width of a cell ' * 3])
def test_captions_stay_above_their_cell(caption):
    bare = draw_panel([('', _picture())] * 2, cell_height=96)
    panel = draw_panel([(caption, _picture()), ('', _picture())], cell_height=96)
    rows, columns = np.nonzero((panel != bare).any(axis=2))
    assert rows.size > 20
    assert rows.min() >= 0
    assert rows.max() < CAPTION - 1
    assert columns.min() >= MARGIN - 1
    assert columns.max() < MARGIN + 160


def test_long_texts_stay_inside_the_panel():
    long = 'a name that is far too long for any panel ' * 4
    panel = draw_panel([('a', _picture())], cell_height=96, title=long, legend=[(long, (0, 0, 0)), ('b', (9, 9, 9))])
    assert not _ink(panel)[:, -MARGIN + 1 :].any()


def test_nothing_is_written_into_the_pictures_given():
    picture = _noise()
    before = picture.copy()
    draw_panel([('a', picture)], cell_height=96)
    assert (picture == before).all()


@pytest.mark.parametrize(
    ('cells', 'options', 'message'),
    [
        ([], {}, 'at least one cell'),
        ([('grey', np.zeros((4, 6), np.uint8))], {}, "'grey' must be uint8 of the shape"),
        ([('float', np.zeros((4, 6, 3)))], {}, 'got float64'),
        ([('none', np.zeros((0, 6, 3), np.uint8))], {}, "'none' must be uint8"),
        ([('a', _picture())], {'nearest': ['b']}, r"nearest names \['b'\]"),
        ([('a', _picture())], {'columns': 0}, 'columns must be at least 1'),
        ([('a', _picture())], {'cell_height': 31}, 'cell_height 32, got 4 and 31'),
    ],
)
def test_refusals(cells, options, message):
    with pytest.raises(ValueError, match=message):
        draw_panel(cells, **options)


def test_subscripts_are_smaller_and_lower():
    def drawn(text):
        image = Image.new('RGB', (120, 60), 'white')
        draw_text(ImageDraw.Draw(image), 5, 40, text, 24)
        return np.nonzero(_ink(np.asarray(image)))

    (rows, columns), (low_rows, low_columns) = drawn('I1'), drawn('I_{1}')
    assert low_rows.max() > rows.max()
    assert low_columns.max() <= columns.max() + 3
    assert text_width('I_{10}', 24) < text_width('I10', 24) + 3
    assert columns.max() < 5 + text_width('I1', 24) + 1


def test_texts_are_made_to_fit():
    assert fitting_size(['short'], 16, 200) == 16
    assert fitting_size(['w' * 500], 16, 200) == SMALLEST
    size = fitting_size(['a caption of some length'], 30, 200)
    assert text_width('a caption of some length', size) <= 200 < text_width('a caption of some length', size + 1)
    assert shortened('short', 16, 200) == 'short'
    cut = shortened('of F_{10} ' + 'w' * 500, 16, 200)
    assert cut.startswith('of F_10 w')
    assert cut.endswith('…')
    assert text_width(cut, 16) <= 200
