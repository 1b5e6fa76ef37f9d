import json

import pytest
from PIL import Image

from i2vda_mmseg.reporting.log_summary import draw_logs, read_logs


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / 'work/i2vda/20300101_000000/vis_data'
    folder.mkdir(parents=True)
    entries = [dict(loss_seg=2.0 / step, iter=step, step=step) for step in range(1, 21)] + [dict(mIoU=40.5, step=20)]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, entries)) + '\n')
    return tmp_path / 'work/i2vda'


def test_values_are_summed_up(run):
    loss, miou = read_logs([run])
    assert (loss.name, loss.last, loss.at_validation) == ('loss_seg', (20, 0.1), False)
    assert loss.recent == pytest.approx((2 / 19 + 2 / 20) / 2)
    assert (miou.name, miou.last, miou.at_validation) == ('mIoU', (20, 40.5), True)


def test_keys_choose_and_unknown_ones_are_named(run):
    assert [line.name for line in read_logs([run], ['mIoU'])] == ['mIoU']
    with pytest.raises(ValueError, match=r'loss_sge: no run has logged this; there is loss_seg, mIoU'):
        read_logs([run], ['loss_sge'])


def test_a_folder_without_a_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='is it the work dir of a run'):
        read_logs([tmp_path])


def test_each_value_has_a_chart(run, tmp_path):
    with Image.open(draw_logs(read_logs([run]), tmp_path / 'logs.png')) as image:
        assert image.width > 1.5 * image.height  # two beside each other
