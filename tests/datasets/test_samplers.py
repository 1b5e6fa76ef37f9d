import pickle
from itertools import islice

import pytest
from mmengine.dataset import InfiniteSampler
from torch.utils.data import DataLoader, Dataset

from i2vda_mmseg.datasets import DomainPairSampler, PairIndex, samplers

SIZES = 5, 7


class Sizes(Dataset):
    """Two domains of which only the sizes matter; a sample is its index."""

    def __init__(self, source, target):
        self.source, self.target = range(source), range(target)

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        return index


def build(seed=3, **kwargs):
    return DomainPairSampler(Sizes(*SIZES), seed=seed, **kwargs)


def take(sampler, count):
    return list(islice(sampler, count))


@pytest.mark.parametrize('stream', [0, 1])
def test_each_epoch_is_a_fresh_permutation(stream):
    size = SIZES[stream]
    indices = [pair[stream] for pair in take(build(), 20 * size)]
    epochs = [tuple(indices[start : start + size]) for start in range(0, 20 * size, size)]
    assert all(sorted(epoch) == list(range(size)) for epoch in epochs)
    assert len(set(epochs)) > 15


def test_streams_are_independent():
    equal = DomainPairSampler(Sizes(50, 50), seed=0)
    pairs = take(equal, 50)
    assert sum(source == target for source, target in pairs) < 10


def test_pure_function_of_the_seed():
    assert take(build(), 40) == take(build(), 40)
    assert take(build(), 40) != take(build(seed=4), 40)
    sampler = build()
    assert take(sampler, 40) == take(sampler, 40)


def test_seed_may_be_set_later():
    sampler = build(seed=4)
    take(sampler, 3)
    sampler.seed = 3
    assert take(sampler, 40) == take(build(), 40)


def test_without_shuffling():
    assert take(build(shuffle=False), 8) == [(k % 5, k % 7) for k in range(8)]


@pytest.mark.parametrize('world_size', [2, 3])
def test_ranks_share_one_stream(monkeypatch, world_size):
    expected = take(build(), 10 * world_size)
    got = [None] * len(expected)
    for rank in range(world_size):
        monkeypatch.setattr(samplers, 'get_dist_info', lambda rank=rank: (rank, world_size))
        for pair in take(build(), 10):
            assert pair.position % world_size == rank
            got[pair.position] = pair
    assert got == expected


@pytest.mark.parametrize('count', [0, 1, 5, 33, 10**9])
@pytest.mark.parametrize('dist_info', [(0, 1), (1, 2)])
def test_skip_equals_dropping(monkeypatch, count, dist_info):
    monkeypatch.setattr(samplers, 'get_dist_info', lambda: dist_info)
    sampler = build()
    sampler.skip(count)
    got = take(sampler, 9)
    if count < 100:
        assert got == take(build(), count + 9)[count:]
    first = count * dist_info[1] + dist_info[0]
    assert [pair.position for pair in got] == list(range(first, first + 9 * dist_info[1], dist_info[1]))


def test_skip_counts_from_the_start_as_mmengine_does():
    sampler = build()
    running = iter(sampler)
    next(running)
    sampler.skip(4)
    sampler.skip(4)
    expected = take(build(), 10)
    assert next(running) == expected[4]
    assert next(running) == expected[5]
    assert take(sampler, 6) == expected[4:]
    stock = [InfiniteSampler(range(5), seed=0) for _ in range(2)]
    for _ in range(2):
        stock[0].skip(4)
    assert take(stock[0], 6) == take(stock[1], 10)[4:]
    with pytest.raises(ValueError, match='-1'):
        sampler.skip(-1)


def test_pair_index_is_a_tuple_with_its_origin():
    index = take(build(), 4)[3]
    copy = pickle.loads(pickle.dumps(index))
    assert index == copy == tuple(index)
    assert isinstance(copy, PairIndex)
    assert len(copy) == 2
    assert (copy.seed, copy.position) == (3, 3)
    assert 'seed=3, position=3' in repr(copy)


def test_in_a_dataloader():
    loader = DataLoader(Sizes(*SIZES), batch_size=2, sampler=build(), collate_fn=list)
    assert [pair for batch in islice(loader, 6) for pair in batch] == take(build(), 12)


def test_length_and_seed():
    sampler = DomainPairSampler(Sizes(*SIZES))
    sampler.set_epoch(3)
    assert len(sampler) == SIZES[0]
    assert sampler.seed >= 0
    with pytest.raises(ValueError, match='seed'):
        build(seed=-1)


def test_wrong_data_sets():
    with pytest.raises(TypeError, match=r'source and target, got list'):
        DomainPairSampler([1, 2], seed=0)
    with pytest.raises(ValueError, match='target 0'):
        DomainPairSampler(Sizes(3, 0), seed=0)


def test_a_share_of_the_source_is_a_random_subset():
    sizes = Sizes(40, 7)
    draws = [take(DomainPairSampler(sizes, 3, source_share=0.11, source_subset=k), 50) for k in (0, 0, 1)]
    subsets = [{source for source, _ in pairs} for pairs in draws]
    assert [len(subset) for subset in subsets] == [5, 5, 5]
    assert draws[0] == draws[1]
    assert subsets[0] != subsets[2]
    assert {target for _, target in draws[0]} == set(range(7))
    with pytest.raises(ValueError, match='source_share must lie in'):
        DomainPairSampler(sizes, 3, source_share=0.0)
