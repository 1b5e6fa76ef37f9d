"""What the weights of a checkpoint belong to."""

import torch
from helpers import tiny_method
from mmengine.runner.checkpoint import load_state_dict


def test_the_thresholds_of_cmom_are_a_part_of_their_own(capsys):
    model = tiny_method('SourceOnly')
    load_state_dict(model, model.state_dict() | {'thresholds': torch.ones(3)}, strict=True)
    assert 'unexpected' not in capsys.readouterr().out
