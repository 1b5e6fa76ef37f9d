import random
from itertools import islice

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.registry import init_default_scope
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import DATASETS

from i2vda_mmseg.datasets import PairIndex

from . import trees
from .trees import frame_name


class RandomDigits(BaseTransform):
    """Leaves in the meta information what each global generator yields."""

    def transform(self, results):
        draws = (random.random(), float(np.random.random()), float(torch.rand(1, dtype=torch.float64)))  # noqa: NPY002
        results['ori_shape'] = draws
        return results


@pytest.fixture
def config(tmp_path):
    init_default_scope('mmseg')
    trees.viper(tmp_path / 'viper')
    trees.cityscapes(tmp_path / 'cs', [frame_name(n) for n in range(30)], [frame_name(19)])
    source = {
        'type': 'ViperDataset',
        'data_root': str(tmp_path / 'viper'),
        'pipeline': [
            {'type': 'LoadImage'},
            {'type': 'LoadRawLabels'},
            {'type': 'RandomCrop', 'crop_size': (4, 6)},
            RandomDigits(),
            {'type': 'PackSegInputs'},
        ],
    }
    target = {
        'type': 'CityscapesSeqDataset',
        'data_root': str(tmp_path / 'cs'),
        'pairs': 'consecutive',
        'pipeline': [{'type': 'LoadFramePair'}, RandomDigits(), {'type': 'PackFramePair'}],
    }
    return {'type': 'DomainPairDataset', 'source': source, 'target': target}


@pytest.fixture
def dataset(config):
    return DATASETS.build(config)


class JointDigits(BaseTransform):
    """Leaves what each global generator yields where the whole sample can be seen."""

    def transform(self, results):
        assert set(results) == {'source', 'target'}
        results['target']['data_samples'].set_metainfo({'joint': RandomDigits().transform({})['ori_shape']})
        return results


def states():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002


def draws_of(sample):
    return [sample[domain]['data_samples'].metainfo['ori_shape'] for domain in ('source', 'target')]


def test_sample(dataset):
    sample = dataset[2, 28]
    assert len(dataset) == 3
    assert len(dataset.metainfo['classes']) == 15
    assert sample['source']['inputs'].shape == (3, 4, 6)
    assert sample['source']['data_samples'].gt_sem_seg.data.shape == (1, 4, 6)
    assert sample['target']['inputs'].shape == (2, 3, trees.HEIGHT, trees.WIDTH)
    assert sample['source']['data_samples'].img_path.endswith('002_00010.jpg')
    assert sample['target']['data_samples'].frame_keys[1].endswith('ulm_000000_000029_leftImg8bit.png')
    assert 'gt_sem_seg' not in sample['target']['data_samples']


def test_randomness_is_a_function_of_seed_and_position(dataset):
    index = PairIndex(0, 1, seed=7, position=3)
    first = dataset[index]
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = states()
    second = dataset[index]
    assert states() == before
    assert draws_of(first) == draws_of(second)
    assert first['source']['inputs'].equal(second['source']['inputs'])
    source, target = draws_of(first)
    assert not set(source) & set(target)
    others = [draws_of(dataset[PairIndex(0, 1, seed=s, position=p)]) for s, p in ((7, 4), (8, 3))]
    assert not {*source, *target} & {number for draws in others for domain in draws for number in domain}


def test_a_joint_pipeline_sees_both_domains_and_draws_from_a_third_seed(config):
    dataset = DATASETS.build(config | {'joint_pipeline': [JointDigits()]})
    before = states()
    samples = [dataset[PairIndex(0, 1, seed=7, position=p)] for p in (3, 3, 4)]
    assert states() == before
    joint = [sample['target']['data_samples'].joint for sample in samples]
    assert joint[0] == joint[1]
    assert not set(joint[0]) & {*joint[2], *draws_of(samples[0])[0], *draws_of(samples[0])[1]}


def test_a_joint_pipeline_may_not_drop_samples(config):
    dataset = DATASETS.build(config | {'joint_pipeline': [lambda _: None]})
    with pytest.raises(ValueError, match=r'joint pipeline returned None for \(2, 28\)'):
        dataset[2, 28]


def test_states_are_restored_after_an_error(dataset):
    before = states()
    with pytest.raises(IndexError):
        dataset[PairIndex(99, 0, seed=7, position=3)]
    assert states() == before


def test_plain_index_draws_from_the_global_generators(dataset):
    before = states()
    first, second = dataset[0, 1], dataset[0, 1]
    assert draws_of(first) != draws_of(second)
    assert states() != before


def batches(config, num_workers, skip=0):
    loader = Runner.build_dataloader(
        {'dataset': config, 'sampler': {'type': 'DomainPairSampler'}, 'batch_size': 2, 'num_workers': num_workers},
        seed=5,
    )
    loader.sampler.skip(2 * skip)
    return list(islice(loader, 4 - skip))


def summary(batch):
    inputs = [tensor.tolist() for domain in ('source', 'target') for tensor in batch[domain]['inputs']]
    samples = [sample for domain in ('source', 'target') for sample in batch[domain]['data_samples']]
    return inputs, [(sample.img_path, sample.ori_shape) for sample in samples]


def test_workers_and_resume_change_nothing(config):
    expected = [summary(batch) for batch in batches(config, num_workers=0)]
    assert [summary(batch) for batch in batches(config, num_workers=2)] == expected
    assert [summary(batch) for batch in batches(config, num_workers=2, skip=3)] == expected[3:]


def test_mmengine_resumes_by_the_sampler(config):
    loader = {'dataset': config, 'sampler': {'type': 'DomainPairSampler'}, 'batch_size': 2, 'num_workers': 0}
    iterator = IterBasedTrainLoop(_RunnerStub(), Runner.build_dataloader(loader, seed=5), 10).dataloader_iterator
    if not hasattr(iterator, 'skip_iter'):
        pytest.skip('this mmengine has no skip_iter')
    iterator.skip_iter(2)
    assert summary(next(iterator)) == summary(batches(config, num_workers=0)[2])


class _RunnerStub:
    """What the constructor of the training loop asks of a runner."""

    class visualizer:  # noqa: N801
        dataset_meta = None


def test_different_classes(config):
    config['target']['class_space'] = 'synthia12'
    with pytest.raises(ValueError, match=r"same classes[\s\S]*source: \['road'[\s\S]*rider[\s\S]*class_space"):
        DATASETS.build(config)


def test_single_number_is_no_index(dataset):
    with pytest.raises(TypeError, match=r'\(i_source, i_target\), got 3; .*DomainPairSampler'):
        dataset[3]


def test_broken_sample_raises(dataset, tmp_path):
    path = tmp_path / 'viper/train/img/001/001_00010.jpg'
    path.write_bytes(b'nonsense')
    with pytest.raises(ValueError, match=str(path)):
        dataset[0, 0]


def test_labels_are_bytes_where_they_fit(config):
    sample = DATASETS.build(config)[0, 0]['source']['data_samples']
    assert sample.gt_sem_seg.data.dtype == torch.uint8
    whole = DATASETS.build(config['source']).prepare_data(0)['data_samples'].gt_sem_seg.data
    assert whole.dtype == torch.int64
    assert sample.gt_sem_seg.data.max() <= 255


@pytest.mark.parametrize('value', [-1, 256])
def test_labels_that_are_no_bytes_stay(config, value):
    class Odd(BaseTransform):
        def transform(self, results):
            results['source']['data_samples'].gt_sem_seg.data[0, 0, 0] = value
            return results

    config['joint_pipeline'] = [Odd()]
    labels = DATASETS.build(config)[0, 0]['source']['data_samples'].gt_sem_seg.data
    assert (labels.dtype, int(labels[0, 0, 0])) == (torch.int64, value)
