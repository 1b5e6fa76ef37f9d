"""The registered metric: clips, ranks, flow from a cache."""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from datasets.trees import frame_name, frame_path, write_image
from ddp import run_on_ranks
from mmengine.registry import init_default_scope
from mmseg.registry import DATA_SAMPLERS, DATASETS, METRICS

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank
from i2vda_mmseg.evaluation import PROTOCOLS, temporal_consistency
from i2vda_mmseg.flow import DISFlow, FlowCache

HEIGHT, WIDTH = 40, 56
LENGTHS = (2, 4, 3, 2, 5)
TOTAL = sum(LENGTHS)
DIS = dict(type='DISFlow', preset='ultrafast')


def image(index):
    """A texture that moves a pixel a frame, in RGB."""
    texture = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 4, 3), dtype=np.uint8)
    return texture.repeat(8, 0).repeat(8, 1)[:, index : index + WIDTH]


def prediction(index, classes=15):
    """What a network would say of a frame; mostly what it said before."""
    rng = np.random.default_rng(index)
    labels = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) // 150
    noise = rng.random(labels.shape) < 0.2
    return torch.from_numpy(np.where(noise, rng.integers(0, classes, labels.shape), labels % classes))


def world(root, **options):
    """Clips of 2 to 5 frames."""
    names = [frame_name(n, 'ulm', clip) for clip, length in enumerate(LENGTHS) for n in range(length)]
    for index, name in enumerate(names):
        write_image(frame_path(root, name), image(index)[..., ::-1])
    pipeline = [dict(type='LoadImage'), dict(type='PackSegInputs')]
    return DATASETS.build(dict(type='CityscapesClipDataset', data_root=str(root), pipeline=pipeline, **options))


class Rounded(torch.nn.Module):
    """What a cache keeps of a flow: 1/64 px."""

    def forward(self, frame_a, frame_b, keys):
        return torch.round(DISFlow('ultrafast')(frame_a, frame_b) * 64) / 64


def build(**options):
    return METRICS.build(dict(type='TemporalConsistency', flow_estimator=DIS) | options)


def feed(metric, dataset, order):
    metric.dataset_meta = dataset.metainfo
    for index in order:
        sample = dataset[index]['data_samples'].to_dict()
        metric.process({}, [sample | dict(pred_sem_seg=dict(data=prediction(index)[None]))])
    return metric.evaluate(len(dataset))


def measured():
    """Measure the clips of this rank, or all of them where there is no process group."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = world(Path(folder))
        sampler = DATA_SAMPLERS.build(dict(type='ClipSampler', dataset=dataset))
        metrics = [build(preset=name, flow_input='rgb255') for name in ('clean', 'etc')]
        figures = [feed(metric, dataset, sampler) for metric in metrics]
        return len(sampler), [*figures, *(metric.clip_counts._asdict() for metric in metrics)]


def on_a_rank(rank):
    """Measure with three ranks, then with the first two of them, then alone: fresh processes are slow to start."""
    init_default_scope('mmseg')
    place = [tempfile.mkdtemp()]
    dist.broadcast_object_list(place)
    results = {3: measured()}
    for world_size in (2, 3):
        dist.destroy_process_group()
        if rank == 0 and world_size == 3:
            results[1] = measured()
        if rank < world_size:
            options = dict(rank=rank, world_size=world_size, timeout=timedelta(seconds=240))
            dist.init_process_group('gloo', init_method=Path(place[0], str(world_size)).as_uri(), **options)
            results[world_size] = results.get(world_size) or measured()
        else:
            dist.init_process_group('gloo', init_method=Path(place[0], 'alone').as_uri(), rank=0, world_size=1)
    return results


@pytest.fixture
def dataset(tmp_path):
    return world(tmp_path)


@pytest.mark.ddp
def test_one_two_and_three_ranks_agree_to_the_last_digit(tmp_path):
    ranks = run_on_ranks(on_a_rank, tmp_path, 3)
    count, alone = ranks[0][1]
    assert count == TOTAL
    assert (alone[0]['TC_pairs'], alone[0]['TC_clips']) == (TOTAL - 5, 5)
    assert 0.2 < alone[0]['TC'] < 0.99
    assert 0.01 < alone[0]['flicker'] < 0.8
    for world_size in (2, 3):
        parts = [results[world_size] for results in ranks[:world_size]]
        assert sum(count for count, _ in parts) == TOTAL
        assert max(count for count, _ in parts) < TOTAL
        for _, metrics in parts:
            np.testing.assert_equal(metrics, alone)  # no tolerance


def test_equals_the_function_clip_by_clip(dataset):
    metrics = feed(build(), dataset, range(TOTAL))
    first, counts = 0, None
    for length in LENGTHS:
        clip = range(first, first + length)
        part = temporal_consistency(map(prediction, clip), map(image, clip), DISFlow('ultrafast'), num_classes=15)
        counts, first = part.counts if counts is None else counts.plus(part.counts), first + length
    iou = counts.class_iou()
    assert metrics['TC'] == np.nanmean(iou)
    assert [metrics[f'TC_IoU/{name}'] for name in PROTOCOLS['viper15'].classes] == pytest.approx(iou, nan_ok=True)
    assert metrics['flicker'] == counts.flicker()


def test_keeps_what_was_counted_on_each_clip(dataset):
    metric = build(protocol='viper15')
    figures = feed(metric, dataset, range(TOTAL))
    counts = metric.clip_counts
    assert counts.clips == tuple(f'ulm/ulm_{clip:06d}_000000' for clip in range(len(LENGTHS)))
    ious = counts.class_iou(np.ones((1, len(LENGTHS)), int))[0]
    assert ious == pytest.approx([figures[f'TC_IoU/{name}'] for name in counts.classes], nan_ok=True)
    assert figures['flicker'] == counts.changed.sum() / counts.valid.sum()
    part = temporal_consistency(map(prediction, range(2, 6)), map(image, range(2, 6)), DISFlow('ultrafast'), 15)
    assert counts.intersection[1].tolist() == part.counts.intersection.tolist()
    assert counts.changed[1] == part.counts.changed


@pytest.mark.parametrize('options', [{}, dict(flow_size=(32, 44)), dict(mask='none')])
def test_flow_from_the_data_workers_gives_the_same_figures_to_the_last_digit(dataset, tmp_path, monkeypatch, options):
    expected = feed(build(**options), dataset, range(TOTAL))
    step = dict(type='ClipFlow', estimator=DIS, size=options.get('flow_size'))
    carrying = world(tmp_path, flow=step | dict(flows=['01']) if 'mask' in options else step)
    metric = build(**options)
    monkeypatch.setattr(metric.flow_estimator, 'estimate', None)  # to call it would be an error
    first_frames = {sum(LENGTHS[:clip]) for clip in range(len(LENGTHS))}
    assert {i for i in range(TOTAL) if 'tc_flow_01' not in carrying[i]['data_samples']} == first_frames
    np.testing.assert_equal(feed(metric, carrying, range(TOTAL)), expected)


def test_flow_of_another_size_than_the_metric_asks_for_is_refused(tmp_path):
    carrying = world(tmp_path, flow=dict(type='ClipFlow', estimator=DIS, size=(32, 44)))
    with pytest.raises(ValueError, match=r'\(2, 40, 56\).*\(2, 32, 44\).*flow_size'):
        feed(build(), carrying, range(TOTAL))
    one_way = world(tmp_path, flow=dict(type='ClipFlow', estimator=DIS, flows=['01']))
    with pytest.raises(ValueError, match='needs 2 flows'):
        feed(build(), one_way, range(TOTAL))


def test_starts_afresh_after_each_evaluation(dataset):
    metric = build()
    np.testing.assert_equal(feed(metric, dataset, range(TOTAL)), feed(metric, dataset, range(TOTAL)))


def test_a_protocol_says_which_classes_the_mean_is_over(dataset):
    metric = build(protocol='synthia11')
    dataset.metainfo['classes'] = PROTOCOLS['synthia11'].classes
    sample = dataset[0]['data_samples'].to_dict()
    labels = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.long)
    labels[:, :9] = 3  # fence
    metric.dataset_meta = dict(classes=PROTOCOLS['synthia11'].classes)
    for index, shown in enumerate((labels, 0 * labels)):
        metric.process({}, [sample | dict(pred_sem_seg=dict(data=shown), frame_index=index)])
    metrics = metric.evaluate(2)
    assert metrics['TC'] == metrics['TC_IoU/road'] == pytest.approx(31 / 40)
    assert 'TC_IoU/fence' not in metrics
    metric.dataset_meta = dict(classes=PROTOCOLS['viper15'].classes)
    with pytest.raises(ValueError, match="'synthia11' is about 12 classes"):
        metric.evaluate(2)


def test_flow_from_a_cache(dataset, tmp_path):
    cache = FlowCache.create(tmp_path / 'flow', DIS, (HEIGHT, WIDTH))
    infos, estimator = [dataset.get_data_info(index) for index in range(TOTAL)], DISFlow('ultrafast')
    frames = [torch.from_numpy(image(index).copy()).permute(2, 0, 1)[None] for index in range(TOTAL)]
    for a in range(TOTAL):
        for b in (a - 1, a + 1):
            if 0 <= b < TOTAL and infos[a]['clip'] == infos[b]['clip']:
                field = estimator(frames[a], frames[b])[0].permute(1, 2, 0).numpy()
                cache.write(infos[a]['frame_key'], infos[b]['frame_key'], field)
    cached = build(flow_estimator=dict(type='CachedFlow', root=str(tmp_path / 'flow')))
    assert cached.flow_size == (HEIGHT, WIDTH)
    online = build()
    online.flow_estimator = Rounded()
    np.testing.assert_equal(feed(cached, dataset, range(TOTAL)), feed(online, dataset, range(TOTAL)))
    with pytest.raises(ValueError, match=r'a cache holds that of frames in 0\.\.255'):
        build(preset='etc', flow_estimator=dict(type='CachedFlow', root=str(tmp_path / 'flow')))


def test_frames_out_of_order_or_of_no_clip(dataset):
    with pytest.raises(ValueError, match=r"frame 3 of clip ulm/ulm_000001_000000 follows frame 1; .*'ClipSampler'"):
        feed(build(), dataset, [2, 3, 5])
    with pytest.raises(ValueError, match='no two consecutive frames of one clip'):
        feed(build(), dataset, [0, 2])
    with pytest.raises(ValueError, match='no two consecutive frames of one clip'):
        feed(build(), dataset, [])
    metric = build()
    with pytest.raises(ValueError, match='a sample has no clip, frame_index, frame_key'):
        metric.process({}, [dict(img_path='a.png')])


def test_dis_says_that_it_cannot_see_normalised_frames(monkeypatch):
    said = []
    module = sys.modules[type(build()).__module__]  # its name is that of the function, too
    monkeypatch.setattr(module, 'print_log', lambda message, **options: said.append(message))
    build(preset='etc', flow_input='rgb255')
    assert said == []
    build(preset='etc')
    assert 'DISFlow rounds frames to 8 bits' in said[0]
