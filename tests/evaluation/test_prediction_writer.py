import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import METRICS
from PIL import Image

LABELS = np.random.default_rng(0).integers(0, 15, (3, 4, 6))


def write(root, out, *images, **options):
    metric = METRICS.build(dict(type='PredictionWriter', out=str(out), data_root=root and str(root), **options))
    for image, labels in zip(images, LABELS):
        sample = dict(img_path=str(image), pred_sem_seg=dict(data=torch.from_numpy(labels)[None]))
        metric.process({}, [sample])
    return metric


def read(out):
    return {str(path.relative_to(out)): np.asarray(Image.open(path)) for path in sorted(out.rglob('*.png'))}


def test_equal_names_in_different_folders_stay_apart(tmp_path):
    root, out = tmp_path / 'data', tmp_path / 'out'
    write(root, out, root / 'frames/a/0001.jpg', root / 'frames/b/0001.jpg', root / '0001.png')
    found = read(out)
    assert list(found) == ['0001.png', 'frames/a/0001.png', 'frames/b/0001.png']
    for name, labels in zip(('frames/a/0001.png', 'frames/b/0001.png', '0001.png'), LABELS):
        np.testing.assert_array_equal(found[name], labels)


def test_a_relative_root_and_images_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write('data', tmp_path / 'out', 'data/../data2/x.png', tmp_path / 'data/city/y.png', 'z.tiff')
    assert list(read(tmp_path / 'out')) == ['city/y.png', 'x.png', 'z.png']


@pytest.mark.parametrize('pair', [('a/0001.png', 'b/0001.png'), ('a/0001.png', 'a/0001.jpg')])
def test_two_images_never_share_a_file(tmp_path, pair):
    with pytest.raises(ValueError, match=rf'{pair[0]} and .*{pair[1]}'):
        write(None, tmp_path / 'out', *(tmp_path / 'elsewhere' / name for name in pair))


def test_an_image_that_is_read_is_never_written_over(tmp_path):
    image = tmp_path / 'data/city/y.png'
    image.parent.mkdir(parents=True)
    image.write_bytes(b'pixels')
    with pytest.raises(ValueError, match=r'y\.png is the image that is read, which would be lost'):
        write(tmp_path / 'data', tmp_path / 'data', image)
    assert image.read_bytes() == b'pixels'


def test_the_same_image_again_is_no_fault_and_gives_no_figure(tmp_path):
    metric = write(tmp_path, tmp_path / 'out', tmp_path / 'a.png', tmp_path / 'a.png')
    assert metric.evaluate(2) == {}
    np.testing.assert_array_equal(read(tmp_path / 'out')['a.png'], LABELS[1])


def test_the_metric_of_a_protocol_writes_through_it(tmp_path):
    metric = METRICS.build(dict(type='DomainIoUMetric', protocol='viper15', output_dir=str(tmp_path), format_only=True))
    samples = [
        dict(img_path=f'{folder}/0001.png', pred_sem_seg=dict(data=torch.from_numpy(LABELS[0])[None]))
        for folder in 'ab'
    ]
    metric.process({}, samples[:1])
    np.testing.assert_array_equal(read(tmp_path)['0001.png'], LABELS[0])
    with pytest.raises(ValueError, match=r'a/0001\.png and b/0001\.png'):
        metric.process({}, samples[1:])


@pytest.mark.parametrize('dataset', [
    dict(data_root='data/drives', data_prefix=dict(img_path='frames')),
    dict(data_root=None, data_prefix=dict(img_path='data/drives')),
])  # fmt: skip
def test_the_test_tool_keeps_folders_apart_with_and_without_a_root(tmp_path, monkeypatch, dataset):
    tool = runpy.run_path(str(Path(__file__).parents[2] / 'tools/test.py'))
    monkeypatch.chdir(tmp_path)
    config = Config(dict(test_dataloader=dict(dataset=dict(type='CityscapesSeqDataset', **dataset)), test_evaluator=[]))
    tool['write_predictions'](config, 'out')
    (writer,) = config.test_evaluator
    write(writer.data_root, tmp_path / 'out', 'data/drives/frames/a/1.png', 'data/drives/frames/b/1.png')
    assert list(read(tmp_path / 'out')) == ['frames/a/1.png', 'frames/b/1.png']
