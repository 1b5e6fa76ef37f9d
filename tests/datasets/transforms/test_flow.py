"""Optical flow in the data workers."""

from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch
from helpers import TinyFlow, domain_batch, optimizers, ready, tiny_i2vda
from mmseg.registry import TRANSFORMS
from torch.utils.data import DataLoader
from two_frame import tiny_davsn, tiny_tps, two_frame_batch

from i2vda_mmseg.datasets import DomainPairDataset, PairIndex
from i2vda_mmseg.flow import DISFlow, FlowCache

SIZE = (40, 56)
DIS = dict(type='DISFlow')
TINY = dict(type='TinyFlow')
KEYS = ('a/0.png', 'a/1.png', 'a/2.png')


def frames(count=2, size=SIZE, seed=0):
    """Give textured frames (H, W, 3), BGR, that move by a few pixels."""
    rng = np.random.default_rng(seed)
    texture = cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (size[1] + 20, size[0] + 20))
    return {f'frame_{i}': np.ascontiguousarray(texture[i : i + size[0], 2 * i : 2 * i + size[1]]) for i in range(count)}


def run(steps, sample):
    for step in steps:
        sample = TRANSFORMS.build(step)(sample)
    return sample


def tensor(frame):
    return torch.from_numpy(frame[..., ::-1].transpose(2, 0, 1).copy())[None]


def test_estimates_what_the_estimator_gives_for_these_frames():
    sample = run([dict(type='EstimateFlow', estimator=DIS)], frames())
    assert {key for key in sample if key.startswith('flow')} == {'flow_01', 'flow_10'}
    first, second = tensor(sample['frame_0']), tensor(sample['frame_1'])
    for name, pair in dict(flow_01=(first, second), flow_10=(second, first)).items():
        assert sample[name].shape == (*SIZE, 2)
        assert sample[name].dtype == np.float32
        assert torch.equal(torch.from_numpy(sample[name]), DISFlow()(*pair)[0].permute(1, 2, 0))
    np.testing.assert_allclose(np.median(sample['flow_01'], (0, 1)), (-2, -1), atol=0.2)


def test_flows_are_of_neighbours_or_as_asked():
    neighbours = run([dict(type='EstimateFlow', estimator=TINY)], frames(3))
    assert {key for key in neighbours if key.startswith('flow')} == {'flow_01', 'flow_10', 'flow_12', 'flow_21'}
    asked = run([dict(type='EstimateFlow', estimator=TINY, flows=['20'])], frames(3))
    assert [key for key in asked if key.startswith('flow')] == ['flow_20']
    expected = TinyFlow()(tensor(asked['frame_2']), tensor(asked['frame_0']))[0].permute(1, 2, 0)
    assert np.array_equal(asked['flow_20'], expected)
    assert run([dict(type='EstimateFlow', estimator=TINY)], dict(img=1)) == dict(img=1)
    for name in ('11', '0', '012'):
        with pytest.raises(ValueError, match=name):
            TRANSFORMS.build(dict(type='EstimateFlow', estimator=TINY, flows=[name]))
    with pytest.raises(KeyError, match='frame_t'):
        run([dict(type='EstimateFlow', estimator=TINY, flows=['1t'])], frames())


def test_equal_frames_have_no_flow():
    sample = frames() | dict(frame_1=frames()['frame_0'].copy())
    step = TRANSFORMS.build(dict(type='EstimateFlow', estimator=TINY))
    assert not step(sample)['flow_10'].any()
    assert step.estimator.calls == []


def test_reads_a_cache_and_knows_a_mirrored_frame(tmp_path):
    estimated = run([dict(type='EstimateFlow', estimator=DIS, flows=['01'])], frames())
    cache = FlowCache.create(tmp_path / 'cache', DIS, SIZE)
    cache.write(*KEYS[:2], estimated['flow_01'], tensor(estimated['frame_0'])[0])
    load = dict(type='LoadFlow', root=str(cache.root), flows=['01'])
    loaded = run([load], frames() | dict(frame_keys=KEYS))
    np.testing.assert_allclose(loaded['flow_01'], estimated['flow_01'], atol=1 / 128 + 1e-6, rtol=0)
    mirrored = {key: np.ascontiguousarray(frame[:, ::-1]) for key, frame in frames().items()}
    with pytest.raises(ValueError, match=r'a/0\.png to a/1\.png .* looked otherwise'):
        run([load], mirrored | dict(frame_keys=KEYS))
    with pytest.raises(FileNotFoundError, match=r'no flow from a/1\.png to a/0\.png'):
        run([load | dict(flows=['10'])], frames() | dict(frame_keys=KEYS))
    online = run([load | dict(flows=['10'], online=DIS)], frames() | dict(frame_keys=KEYS))
    assert np.array_equal(online['flow_10'], run([dict(type='EstimateFlow', estimator=DIS)], frames())['flow_10'])


def test_packing_refuses_flow_of_another_size():
    sample = run([dict(type='EstimateFlow', estimator=TINY)], frames())
    sample.update(frames(size=(20, 28)))
    with pytest.raises(ValueError, match='flow_01 has 40x56 pixels, the frames 20x28'):
        run([dict(type='PackFramePair')], sample)


def packed(steps, sample):
    return run([*steps, dict(type='PackFramePair')], sample)


def put_into(batch, domain, steps):
    """Give a loader's batch what the workers would have added to it."""
    for index, inputs in enumerate(batch[domain]['inputs']):
        images = inputs.permute(0, 2, 3, 1).numpy()
        made = packed(steps, {f'frame_{i}': image for i, image in enumerate(images)})['data_samples']
        sample = batch[domain]['data_samples'][index]
        sample.set_data({key: value for key, value in made.items() if key.startswith(('flow', 'frame'))})
        sample.set_metainfo({key: made.metainfo[key] for key in ('t', 'temporal_augmentation') if key in made})
    return batch


def step_of(model, batch):
    """Train one iteration; the logged terms and all parameters."""
    torch.manual_seed(1)
    terms = ready(model).train_step(batch, optimizers(model))
    return {name: float(value) for name, value in terms.items()}, list(model.segmentor.parameters())


def assert_same_step(first, second):
    assert first[0] == second[0]
    assert all(torch.equal(*pair) for pair in zip(first[1], second[1], strict=True))


def build_with(make, gain, **options):
    torch.manual_seed(0)
    return make(flow_estimator=dict(type='TinyFlow', gain=gain), **options)


@pytest.mark.parametrize(('make', 'draw', 'flows'), [
    (tiny_i2vda, domain_batch, {'target': ['01', '10']}),
    (tiny_davsn, two_frame_batch, {'target': ['21'], 'source': ['10']}),
    (tiny_tps, two_frame_batch, {'target': ['10', '21'], 'source': ['10']}),
])  # fmt: skip
def test_a_training_step_is_the_same_wherever_flow_comes_from(make, draw, flows):
    batch = draw()
    for domain, names in flows.items():
        step = dict(type='EstimateFlow', estimator=dict(type='TinyFlow', gain=5.0), flows=names)
        batch = put_into(batch, domain, [step])
    is_i2vda = make is tiny_i2vda  # whose F_1t is left to the model; the others would find no motion
    in_workers = build_with(make, 5.0 if is_i2vda else 0.0)
    results = [step_of(build_with(make, 5.0), draw()), step_of(in_workers, batch)]
    assert_same_step(*results)
    assert len(in_workers.flow_estimator.calls) == is_i2vda
    assert results[0][0] != step_of(build_with(make, 0.0), draw())[0]


AUGMENTATION = dict(type='TemporalAugmentation', alpha=0.4, t=0.3)


@pytest.mark.parametrize('flow_1t', ['estimate', 'compose'])
def test_eq_5_in_the_workers_is_the_step_of_the_model(flow_1t):
    estimate = dict(type='EstimateFlow', estimator=dict(type='TinyFlow', gain=5.0))
    steps = [estimate, AUGMENTATION, estimate | dict(flows=['1t'])]
    options = dict(temporal_augmentation=AUGMENTATION, flow_1t=flow_1t)
    in_workers = build_with(tiny_i2vda, 0.0, **options)
    given = step_of(in_workers, put_into(domain_batch(), 'target', steps))
    assert in_workers.flow_estimator.calls == []
    made = step_of(build_with(tiny_i2vda, 5.0, **options), domain_batch())
    assert made[0].keys() == given[0].keys()
    for name, value in made[0].items():
        assert given[0][name] == pytest.approx(value, rel=1e-5)


def test_each_sample_has_the_time_that_the_worker_drew():
    step = dict(type='TemporalAugmentation', t='random')
    batch = put_into(domain_batch(), 'target', [dict(type='EstimateFlow', estimator=TINY), step])
    model = tiny_i2vda(temporal_augmentation=step, flow_1t='compose')
    target = model.data_preprocessor(batch, training=True)['target']
    clip = model.target_clip(target)
    times = [sample.metainfo['t'] for sample in target['data_samples']]
    assert times[0] != times[1]
    assert clip.t.flatten().tolist() == pytest.approx(times)
    scale = 1 - torch.tensor(times).view(2, 1, 1, 1)
    torch.testing.assert_close(model.temporal.flow_to_t(clip), scale * clip.flow_10)


class Target:
    """A target data set of equal pairs, which makes I_t in its pipeline."""

    metainfo: ClassVar[dict] = dict(classes=())

    def prepare_data(self, index):
        steps = [dict(type='EstimateFlow', estimator=TINY), dict(type='TemporalAugmentation')]
        return packed(steps, frames())


def test_the_workers_time_depends_on_seed_and_position_alone():
    data = DomainPairDataset(source=Target(), target=Target())

    def time_of(seed, position):
        return data[PairIndex(0, 0, seed=seed, position=position)]['target']['data_samples'].metainfo['t']

    torch.manual_seed(5)
    first, state = time_of(1, 7), torch.get_rng_state()
    torch.rand(3)
    assert time_of(1, 7) == first
    assert len({first, time_of(1, 8), time_of(2, 7)}) == 3
    assert not torch.equal(torch.get_rng_state(), state)  # only by the draw in between
    torch.set_rng_state(state)
    time_of(1, 9)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_pipeline_that_contradicts_the_model_is_refused():
    steps = [dict(type='EstimateFlow', estimator=TINY), AUGMENTATION]
    batch = put_into(domain_batch(), 'target', steps)
    for other in (AUGMENTATION | dict(alpha=0.5), None):
        with pytest.raises(ValueError, match=r'alpha=0\.4, t=0\.3.*model\.temporal_augmentation'):
            step_of(tiny_i2vda(temporal_augmentation=other), batch)


class Pairs:
    """A data set of one pair, read through a pipeline."""

    def __init__(self, steps):
        self.steps = [TRANSFORMS.build(step) for step in steps]

    def __len__(self):
        return 4

    def __getitem__(self, index):
        sample = frames(seed=index)
        for step in self.steps:
            sample = step(sample)
        return sample['data_samples'].flow_01.data, cv2.getNumThreads()


def test_forked_workers_run_opencv_on_one_thread_and_do_not_wait_for_threads_of_the_parent():
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        expected = Pairs([dict(type='EstimateFlow', estimator=DIS), dict(type='PackFramePair')])
        here = [expected[index][0] for index in range(4)]  # the parent's threads are running now
        loader = DataLoader(expected, 1, num_workers=2, multiprocessing_context='fork', timeout=240)
        there = list(loader)
    finally:
        cv2.setNumThreads(before)
    assert [int(threads) for _, threads in there] == [1] * 4
    assert all(torch.equal(flow[0], local) for (flow, _), local in zip(there, here))
