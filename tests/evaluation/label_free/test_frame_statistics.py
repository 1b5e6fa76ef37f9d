import math

import pytest
import torch
from ddp import run_on_ranks
from mmengine.logging import MessageHub

from i2vda_mmseg.evaluation import LabelFreeSelection
from i2vda_mmseg.evaluation.label_free import (
    FrameStatistics,
    batch_nuclear_norm,
    information_maximization,
    is_constant,
    negative_entropy,
    soft_neighborhood_density,
    summary,
)

CLASSES = ('road', 'sky', 'car', 'tree')


def logits_of(seed, height=6, width=10, sharpness=4.0):
    return sharpness * torch.randn(4, height, width, generator=torch.Generator().manual_seed(seed))


def statistics(logits, key='a', neighbours=60):
    return FrameStatistics.of(logits, logits.argmax(0), key, neighbours)


def test_small_frames_are_looked_at_in_all_pixels():
    frames = [logits_of(0), logits_of(1)]
    probs = torch.stack(frames).softmax(1)
    found = summary([statistics(frame, str(i)) for i, frame in enumerate(frames)])
    assert found == pytest.approx(
        dict(
            soft_neighborhood_density=soft_neighborhood_density(probs),
            information_maximization=information_maximization(probs),
            batch_nuclear_norm=batch_nuclear_norm(probs),
            negative_entropy=negative_entropy(probs),
        ),
        abs=1e-6,
    )


def test_large_frames_are_sampled_alike_for_each_network():
    ramp = torch.arange(1024 * 2048).view(1024, 2048) / (1024 * 2048)
    logits = torch.stack([ramp, 1 - ramp]).clamp(1e-6).log()  # class 0 with the probability of the position
    first, again = statistics(logits), statistics(logits)
    assert first.sums.rows == 4096
    assert torch.equal(first.rows, again.rows)
    assert not torch.equal(first.rows, statistics(logits, key='b').rows)
    assert float(first.sums.marginal[0]) / 4096 == pytest.approx(0.5, abs=1e-3)  # stratified
    assert first.histogram.sum() == 1024 * 2048
    assert len(first.rows) == 60


def test_a_network_that_ignores_the_frame():
    same, other = statistics(logits_of(0)), statistics(logits_of(1))
    assert is_constant([same, statistics(logits_of(0), key='b')])
    assert not is_constant([same, other])
    assert not is_constant([same])


def test_logits_that_are_not_finite_are_refused():
    logits = logits_of(0)
    logits[1, 2, 3] = torch.nan
    with pytest.raises(ValueError, match=r'logits of a .*finite'):
        statistics(logits)


class Validations:
    """Validations of one training, each of frames whose logits are sharper or weaker."""

    def __init__(self, name, **options):
        MessageHub.get_instance(name)  # becomes the current one
        self.metric = LabelFreeSelection(**options)
        self.metric.dataset_meta = dict(classes=CLASSES)

    def validate(self, sharpness, parts=1, frames=4):
        samples = [self.sample(logits_of(i, sharpness=sharpness), i) for i in range(frames)]
        for part in range(parts):
            self.metric.process({}, samples[part::parts])
        return self.metric.evaluate(frames)

    def collapse(self):
        logits = torch.zeros(4, 6, 10)
        logits[1] = 9
        self.metric.process({}, [self.sample(logits, i) for i in range(4)])
        return self.metric.evaluate(4)

    @staticmethod
    def sample(logits, index):
        return dict(
            img_path=f'{index}.png',
            seg_logits=dict(data=logits),
            pred_sem_seg=dict(data=logits.argmax(0, keepdim=True)),
        )


def test_each_new_best_is_less_than_all_before():
    """By hand: sharper is better in both criteria here, so that the places are those of the sharpness."""
    run = Validations('online', criteria=('information_maximization', 'negative_entropy'))
    ranks = [run.validate(sharpness)['label_free/rank'] for sharpness in (2, 1, 4, 3, 4, 0.5)]
    assert ranks == pytest.approx([1, 1 + 1 / 2, 1 / 3, 1 + 1 / 4, 1 / 5, 5 + 1 / 6])


def test_a_collapsed_network_is_never_the_best():
    run = Validations('collapsing')
    first = run.collapse()
    assert first['label_free/rank'] == math.inf
    assert first['label_free/collapsed'] == first['label_free/effective_classes'] == 1
    assert run.validate(1)['label_free/rank'] == 1 / 2
    assert run.collapse()['label_free/rank'] == math.inf
    assert run.validate(3)['label_free/rank'] == 1 / 4


def test_a_run_that_goes_on_ranks_as_an_uninterrupted_one():
    whole = Validations('whole')
    expected = [whole.validate(sharpness) for sharpness in (2, 3, 2.5)]
    begun = Validations('begun')
    found = [begun.validate(sharpness) for sharpness in (2, 3)]
    state = MessageHub.get_instance('begun').state_dict()
    gone_on = Validations('gone on')
    MessageHub.get_instance('gone on').load_state_dict(state)
    assert [*found, gone_on.validate(2.5)] == expected


def test_batches_do_not_matter():
    one, several = (Validations(f'in {parts}').validate(2, parts) for parts in (1, 3))
    assert one == pytest.approx(several, abs=1e-9)


def _validate_on_a_rank(rank):
    """Rank 0 sees frames 0 and 2, rank 1 sees 1 and 0 again, as the sampler pads them."""
    run = Validations(f'rank {rank}')
    for index in ((0, 2), (1, 0))[rank]:
        run.metric.process({}, [run.sample(logits_of(index, sharpness=2), index)])
    return run.metric.evaluate(3)


@pytest.mark.ddp
def test_any_number_of_ranks_gives_the_same_figures(tmp_path):
    both = run_on_ranks(_validate_on_a_rank, tmp_path)
    assert both[0] == both[1] == pytest.approx(Validations('alone').validate(2, frames=3), abs=1e-12)


def test_what_the_metric_cannot_do_is_said():
    with pytest.raises(ValueError, match='flip_agreement'):
        LabelFreeSelection(criteria=['flip_agreement'])
    with pytest.raises(ValueError, match='seg_logits'):
        LabelFreeSelection().process({}, [dict(pred_sem_seg=dict(data=torch.zeros(1, 2, 3)))])
