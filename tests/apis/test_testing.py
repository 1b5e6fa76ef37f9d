import numpy as np
import pytest
import torch
from mmengine.config import Config

from i2vda_mmseg.apis import tc_metric
from i2vda_mmseg.apis.testing import interval_figures, use_protocol
from i2vda_mmseg.evaluation import ClipCounts
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.flow import FlowCache

DATASET = dict(type='CityscapesSeqDataset', class_space='synthia12', data_root='absent', pipeline=[])


def config(**tc_evaluator):
    """Of SYNTHIA: 12 classes, of which fence is not reported."""
    found = dict(tc_evaluator=dict(type='TemporalConsistency', **tc_evaluator)) if tc_evaluator else {}
    test = dict(type='DomainIoUMetric', protocol='synthia11')
    return Config(dict(test_dataloader=dict(dataset=DATASET), test_evaluator=test, **found))


def still(frame_a, frame_b, keys=None):
    return torch.zeros(len(frame_a), 2, *frame_a.shape[-2:])


def test_the_mean_is_over_what_the_protocol_reports():
    """Left road; right fence, which becomes road: the IoU of road is 1/2, and that of fence, not reported, is 0."""
    metric = tc_metric(config())
    fence = metric.dataset_meta['classes'].index('fence')
    first, second = torch.zeros(2, 4, 6, dtype=torch.uint8)
    first[:, 3:] = fence
    stream = ConsistencyStream(still, 12, metric.switches)
    for labels in (first, second):
        stream.add(labels, torch.zeros(3, 4, 6))
    figures = metric.figures(stream.counts)
    assert (figures['TC'], figures['flicker']) == (0.5, 0.5)
    assert 'TC_IoU/fence' not in figures
    assert stream.counts.class_iou()[fence] == 0


def test_intervals_have_the_units_of_their_figures():
    areas = np.array([[40], [60]] * 10)
    pixels = dict(intersection=areas, union=np.full((20, 1), 100))
    names = [f'c{number:02d}' for number in range(20)]
    changes = dict(changed=np.array([10, 20] * 10), valid=np.full(20, 100))
    counts = dict(mIoU=ClipCounts.of(names, 'a', pixels), TC=ClipCounts.of(names, 'a', pixels | changes))
    figures = interval_figures(counts)
    assert 44 < figures['mIoU_interval/low'] < 50 < figures['mIoU_interval/high'] < 56
    assert figures['TC_interval/low'] == pytest.approx(figures['mIoU_interval/low'] / 100)
    assert 0.12 < figures['flicker_interval/low'] < 0.15 < figures['flicker_interval/high'] < 0.18
    assert figures['mIoU_interval/clips'] == 20
    assert interval_figures({}) == {}


def test_what_the_config_says_is_used():
    default = tc_metric(config())
    assert (default.preset, default.protocol, type(default.flow_estimator).__name__) == (
        'clean',
        'synthia11',
        'DISFlow',
    )
    named = tc_metric(config(preset='etc', flow_input='rgb255', flow_size=(16, 24), flow_estimator=dict(
        type='DISFlow', preset='fast')))  # fmt: skip
    assert (named.preset, named.switches.flow_input, named.switches.mask) == ('etc', 'rgb255', 'none')
    assert (named.flow_size, named.flow_estimator.preset) == ((16, 24), 'fast')


def test_what_raw_frames_do_not_have(tmp_path):
    with pytest.raises(ValueError, match="warping='probs' compares logits"):
        tc_metric(config(warping='probs'))
    FlowCache.create(tmp_path, dict(type='DISFlow'), (16, 24))
    with pytest.raises(ValueError, match='is a flow cache, which knows the frames of a data set only'):
        tc_metric(config(flow_estimator=dict(type='CachedFlow', root=str(tmp_path))))


def test_a_protocol_is_for_data_with_a_class_space():
    stock = config()
    stock.test_dataloader.dataset = dict(type='CityscapesDataset', data_root='absent')
    with pytest.raises(ValueError, match=r'^test_dataloader\.dataset\.type: the labels of CityscapesDataset'):
        use_protocol(stock, 'synthia11')
    own = config()
    use_protocol(own, 'synthia11')
    assert own.test_dataloader.dataset.class_space == 'synthia12'
