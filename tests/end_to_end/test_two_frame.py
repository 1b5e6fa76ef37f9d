"""Methods of two frames: trained, resumed and tested on frame pairs of a StreetWorld."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from i2vda_mmseg.apis.export import export_checkpoint
from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.fileio.images import read_image
from i2vda_mmseg.flow import DISFlow, FlowCache

METHODS = ('tps', 'davsn', 'hrda_accel')
DIS = dict(type='DISFlow')


@pytest.fixture
def config_of(tiny_config):
    def build(method, work_dir, **options):
        lengths = {'train_cfg.max_iters': 4, 'default_hooks.checkpoint.interval': 2}
        return tiny_config(method, work_dir, **lengths, **options)

    return build


def read(path):
    return torch.load(path, weights_only=False)


def differing(first, second):
    """Name the tensors and numbers of two nested structures that differ."""
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        return [f'{key}.{found}' for key in first for found in differing(first[key], second[key])]
    if isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        return [f'{i}.{found}' for i, pair in enumerate(zip(first, second)) for found in differing(*pair)]
    same = torch.equal(first, second) if torch.is_tensor(first) else first == second
    return [] if same else ['']


def report_of(config, checkpoint, monkeypatch, *arguments):
    """Run tools/test.py in this process and give its report."""
    path = Path(config.work_dir) / 'config.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    config.dump(path)
    tool = Path(__file__).parents[2] / 'tools' / 'test.py'
    monkeypatch.setattr(sys, 'argv', ['test.py', str(path), str(checkpoint), *map(str, arguments)])
    runpy.run_path(str(tool))['main']()
    return json.loads((Path(config.work_dir) / 'metrics.json').read_text())


@pytest.fixture(scope='module')
def runs():
    """Work dirs of finished runs by method, and a report, so that each is paid for once."""
    return {}


@pytest.fixture
def trained(runs, config_of, tmp_path_factory):
    def run(method):
        if method not in runs:
            folder = tmp_path_factory.mktemp(method) / 'whole'
            build_runner(config_of(method, folder)).train()
            runs[method] = folder
        return runs[method]

    return run


@pytest.fixture
def single_frame_report(runs, config_of, tmp_path, monkeypatch):
    """What the test tool says of a method that looks at one frame."""
    if 'report' not in runs:
        config = config_of('source_only', tmp_path / 'single')
        torch.save(dict(state_dict=MODELS.build(config.model).state_dict(), meta=dict()), tmp_path / 'single.pth')
        runs['report'] = report_of(config, tmp_path / 'single.pth', monkeypatch)
    return runs['report']


@pytest.mark.parametrize('method', METHODS)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(trained, config_of, tmp_path, method):
    whole = trained(method)
    folder = tmp_path / 'resumed'
    folder.mkdir()
    shutil.copy(whole / 'iter_2.pth', folder)
    options = dict(resume=True, load_from=str(folder / 'iter_2.pth'))
    build_runner(config_of(method, folder, **options)).train()
    states = [read(path) for path in (whole / 'iter_2.pth', whole / 'iter_4.pth', folder / 'iter_4.pth')]
    before, after, resumed = ({key: s[key] for key in ('state_dict', 'optimizer', 'param_schedulers')} for s in states)
    assert differing(before['state_dict'], after['state_dict']) != []
    assert differing(after, resumed) == []
    assert not [key for key in after['state_dict'] if key.startswith('flow_estimator')]


@pytest.mark.parametrize('method', METHODS)
def test_the_test_tool_reports_what_it_reports_of_every_method(
    trained, config_of, single_frame_report, tmp_path, monkeypatch, method
):
    out = tmp_path / 'predictions'
    config = config_of(method, tmp_path / 'two')
    report = report_of(config, trained(method) / 'iter_4.pth', monkeypatch, '--out', out)
    assert list(report) == list(single_frame_report)
    assert list(report['IoU']) == list(single_frame_report['IoU'])
    assert 0 <= report['mIoU'] <= 100
    assert [np.asarray(Image.open(path)).shape for path in out.rglob('*.png')] == [(64, 96)] * 2


@pytest.mark.parametrize('method', METHODS)
def test_predicts_frames_of_a_clip_one_after_the_other(trained, config_of, tmp_path, method):
    """What a raw clip gives: the first frame is its own previous one, and needs no flow."""
    config = config_of(method, tmp_path)
    model = MODELS.build(config.model).eval()
    model.load_state_dict(read(trained(method) / 'iter_4.pth')['state_dict'])
    torch.nn.init.normal_(model.segmentor.sf_layer.weight)
    dataset = dict(config.val_dataloader.dataset, type='CityscapesClipDataset', previous_frame=True)
    dataset['pipeline'] = [step for step in dataset['pipeline'] if step['type'] != 'LoadRawLabels']
    clip = DATASETS.build(dataset)
    predictions = [model.test_step(pseudo_collate([clip[i]]))[0] for i in range(3)]
    asked = []
    model.flow_estimator.register_forward_hook(lambda *_: asked.append(1))
    again = model.test_step(pseudo_collate([clip[0]]))[0]
    assert asked == []
    assert torch.equal(again.seg_logits.data, predictions[0].seg_logits.data)
    model.test_step(pseudo_collate([clip[1]]))
    assert asked == [1]
    alone = dict(clip[1], inputs=clip[1]['inputs'][1])  # the same frame without the one before
    assert not torch.equal(model.test_step(pseudo_collate([alone]))[0].seg_logits.data, predictions[1].seg_logits.data)

    predictor = FramePredictor(model, dataset['pipeline'], clip.metainfo['palette'])
    for _ in range(2):  # the second time as another clip, which knows nothing of the first
        predictor.begin_clip()
        for i, prediction in enumerate(predictions):
            labels = predictor(read_image(clip.get_data_info(i)['img_path']))
            assert torch.equal(labels.long(), prediction.pred_sem_seg.data[0])


@pytest.mark.parametrize('method', METHODS)
def test_the_export_is_refused_with_the_reason(trained, tmp_path, method):
    with pytest.raises(ValueError, match=r'takes two frames and the optical flow.*test it with tools/test\.py'):
        export_checkpoint(str(trained(method) / 'iter_4.pth'), str(tmp_path / 'out.pth'))
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('method', METHODS)
def test_a_cache_of_the_targets_flow_serves_beside_a_source_of_another_size(config_of, tmp_path, method):
    config = config_of(method, tmp_path / 'run')
    dataset = DATASETS.build(config.train_dataloader.dataset.target)
    cache = FlowCache.create(tmp_path / 'cache', DIS, dataset[0]['inputs'].shape[-2:])
    for index in range(len(dataset)):
        sample = dataset.prepare_data(index)
        frames, keys = sample['inputs'].float().flip(1), sample['data_samples'].frame_keys
        for a, b in [(later, later - 1) for later in range(1, len(frames))]:
            flow = DISFlow()(frames[a : a + 1], frames[b : b + 1])[0].permute(1, 2, 0).numpy()
            cache.write(keys[a], keys[b], flow, frames[a])
    options = {'model.flow_estimator': dict(_delete_=True, type='CachedFlow', root=str(cache.root), online=DIS)}
    for name in ('in_workers', 'in_model'):
        config = config_of(method, tmp_path / name, **options)
        if name == 'in_model':
            for domain in (config.train_dataloader.dataset.source, config.train_dataloader.dataset.target):
                domain.pipeline = [step for step in domain.pipeline if step.type != 'EstimateFlow']
        build_runner(config).train()
    states = [read(tmp_path / name / 'iter_4.pth')['state_dict'] for name in ('in_workers', 'in_model')]
    assert differing(*states) == []
