import pytest

from i2vda_mmseg.datasets import SynthiaSeqDataset

from . import trees


@pytest.mark.parametrize('rearranged', [False, True])
def test_both_layouts(tmp_path, rearranged):
    dataset = SynthiaSeqDataset(str(trees.synthia(tmp_path, rearranged=rearranged)))
    assert len(dataset) == 3
    assert dataset.get_data_info(2)['img_path'].endswith('000002.png')
    assert dataset.get_data_info(2)['label_encoding'] == 'red16'
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 12


def test_list_file_without_the_first_frame(tmp_path):
    trees.synthia(tmp_path)
    (tmp_path / 'train.txt').write_text('000001.png\n000002')
    assert len(SynthiaSeqDataset(str(tmp_path), ann_file='train.txt')) == 2


@pytest.mark.parametrize('folder', ['RGB/Stereo_Left/Omni_F', 'GT/LABELS/Stereo_Left/Omni_F'])
def test_missing_counterpart(tmp_path, folder):
    path = trees.synthia(tmp_path) / folder / '000001.png'
    path.unlink()
    with pytest.raises(FileNotFoundError, match=str(path)):
        SynthiaSeqDataset(str(tmp_path))


def test_empty_root(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no such folder[\s\S]*GT/LABELS/Stereo_Left[\s\S]*label/000001\.png'):
        SynthiaSeqDataset(str(tmp_path))
