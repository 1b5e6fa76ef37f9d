"""Frames and flow files of all kinds, read by tools/flow_doctor.py."""

import numpy as np
import pytest
import torch
from PIL import Image

from i2vda_mmseg.flow import DISFlow, write_flo
from i2vda_mmseg.streetworld import render_clip


@pytest.fixture(scope='module')
def clip():
    return [frame.rgb for frame in render_clip(3, frames=4, size=(64, 128))]


def write_frames(folder, clip, names):
    folder.mkdir(parents=True, exist_ok=True)
    for frame, name in zip(clip, names):
        Image.fromarray(frame).save(folder / name)
    return folder


def dis(frame_a, frame_b):
    planes = [torch.from_numpy(frame.copy()).permute(2, 0, 1)[None] for frame in (frame_a, frame_b)]
    return DISFlow()(*planes)[0].permute(1, 2, 0).numpy()


def test_unknown_flow_leaves_verdict_and_picture_alone(doctor, clip, tmp_path):
    frames = write_frames(tmp_path / 'frames', clip, [f'frame_{i:04d}.png' for i in range(4)])
    for name, mark in (('known', None), ('marked', 1.5e10)):
        for i in range(3):
            flow = dis(clip[i + 1], clip[i])
            if mark:
                flow[:8, :30] = mark
            write_flo(tmp_path / name / f'frame_{i + 1:04d}_F10.flo', flow)
    pictures = {}
    for name in ('known', 'marked'):
        code, said = doctor(frames, '--flow', tmp_path / name)
        assert code == 0, said
        pictures[name] = np.asarray(Image.open(tmp_path / 'out/sheet.png')).astype(int)
    changed = (pictures['known'] != pictures['marked']).any(axis=2).mean()
    assert 0 < changed < 0.15  # the marked corner, not the colours of all of it
