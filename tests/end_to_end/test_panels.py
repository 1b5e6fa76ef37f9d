"""Pictures during training."""

import cv2
import pytest
import torch
from mmseg.registry import HOOKS

PANELS = [dict(type='PanelHook', interval=3)]


@pytest.mark.parametrize('method', ['source_only', 'i2vda', 'hrda_accel'])
def test_panels_reach_the_visualizer_and_leave_the_training_alone(trained, method):
    plain, drawn = trained(method, 'plain'), trained(method, 'drawn', custom_hooks=PANELS)
    pictures = sorted(path.name for path in drawn.rglob('vis_image/panel_*.png'))
    assert pictures == ['panel_3.png', 'panel_6.png']
    picture = cv2.imread(str(next(drawn.rglob('panel_6.png'))))
    assert picture.shape[0] > 200
    assert picture.std() > 10
    states = [torch.load(folder / 'iter_6.pth', weights_only=False) for folder in (plain, drawn)]
    assert all(torch.equal(value, states[1]['state_dict'][key]) for key, value in states[0]['state_dict'].items())


def test_panels_need_no_labels_of_the_target(trained):
    unlabelled = {f'{split}_{part}': None for split in ('val', 'test') for part in ('dataloader', 'cfg', 'evaluator')}
    source = {'class_space': None, 'train_cfg.val_interval': 100}
    folder = trained('i2vda', custom_hooks=PANELS, **unlabelled, **source)
    assert sorted(path.name for path in folder.rglob('vis_image/panel_*.png')) == ['panel_3.png', 'panel_6.png']


def test_interval_is_checked():
    with pytest.raises(ValueError, match='interval must be at least 1'):
        HOOKS.build(dict(type='PanelHook', interval=0))
