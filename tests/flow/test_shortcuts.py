import torch

from i2vda_mmseg.flow.models.speed import Shortcuts


def passed(memory, *sizes, value=1.0):
    """A pass that joins twice, in other ways and directions."""
    with memory, torch.no_grad():
        first = torch.cat([torch.full((1, channels, *sizes), value) for channels in (2, 3)], dim=1)
        second = torch.cat((first, 2 * first), -1)
    return first, second


def test_the_same_memory_holds_the_next_result():
    memory = Shortcuts()
    places = [[x.data_ptr() for x in passed(memory, 4, 6)] for _ in range(3)]
    assert places[0] == places[1] == places[2]
    assert places[0][0] != places[0][1]
    first, second = passed(memory, 4, 6, value=7.0)
    assert torch.equal(first, torch.full((1, 5, 4, 6), 7.0))
    assert torch.equal(second, torch.cat((first, 2 * first), 3))


def test_another_size_takes_other_memory():
    memory = Shortcuts()
    kept = passed(memory, 4, 6)[0]
    other = passed(memory, 3, 5, value=2.0)[0]
    assert other.shape == (1, 5, 3, 5)
    assert torch.equal(kept, torch.ones(1, 5, 4, 6))
    assert torch.equal(passed(memory, 4, 6, value=3.0)[0], torch.full((1, 5, 4, 6), 3.0))


def test_layout_and_type_are_those_of_plain_joining():
    memory = Shortcuts()
    parts = [torch.randn(2, channels, 4, 6).to(memory_format=torch.channels_last) for channels in (3, 8)]
    expected = torch.cat(parts, 1)
    for _ in range(2):
        with memory:
            joined = torch.cat(parts, 1)
        assert torch.equal(joined, expected)
        assert joined.stride() == expected.stride()
    with memory:
        halves = torch.cat([part.half() for part in parts], 1)
    assert halves.dtype == torch.float16


def test_outside_a_pass_nothing_is_kept():
    memory = Shortcuts()
    kept = passed(memory, 4, 6)[0]
    assert torch.cat((kept, kept), 1).data_ptr() not in [x.data_ptr() for x in memory._joined]


def test_norm_over_the_channels():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 6)
    with Shortcuts(), torch.no_grad(), torch.profiler.profile() as profile:
        over_channels = torch.norm(x, p=2, dim=1, keepdim=True)
    assert 'aten::linalg_vector_norm' not in {event.key for event in profile.key_averages()}
    with Shortcuts(), torch.no_grad():
        others = torch.norm(x, p=1, dim=1, keepdim=True), torch.norm(x, dim=2), torch.norm(x)
    torch.testing.assert_close(over_channels, torch.norm(x, p=2, dim=1, keepdim=True))
    expected = torch.norm(x, p=1, dim=1, keepdim=True), torch.norm(x, dim=2), torch.norm(x)
    assert all(torch.equal(*pair) for pair in zip(others, expected))


def test_nothing_is_kept_off_the_cpu():
    """FlowNet2's joined features are a gigabyte at 512x1024."""
    memory = Shortcuts()
    with memory:
        torch.cat([torch.zeros(2, 3, device='meta'), torch.zeros(1, 3, device='meta')])
    assert memory._joined == []
