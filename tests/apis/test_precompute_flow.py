"""tools/precompute_flow.py on a tiny street."""

import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.flow import CachedFlow, FlowCache, read_flow
from i2vda_mmseg.streetworld import make_streetworld

PAIRS = 4  # two clips of three frames


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp('world') / 'streetworld'
    counts = dict(images=1, synthia_images=0, clips=2, val_clips=0)
    return make_streetworld(folder, **counts, frames=3, size=(48, 80), progress=False)


@pytest.fixture
def config(world, request, tmp_path):
    config = load_config(str(request.config.rootpath / 'configs/i2vda/deeplabv2_r18_streetworld.py'))
    target = config.train_dataloader.dataset.target
    target.data_root = str(world / 'cityscapes')
    target.pipeline[1].transforms[0].scale = (64, 40)
    config.model.flow_estimator = dict(type='DISFlow', preset='fast')
    config.dump(tmp_path / 'config.py')
    return tmp_path / 'config.py'


@pytest.fixture
def call(request, monkeypatch, capsys):
    """Run the tool in this process; its exit code, what it printed and what it complained of."""

    def run(*arguments):
        tool = str(request.config.rootpath / 'tools' / 'precompute_flow.py')
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(tool, run_name='__main__')
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def files(root):
    return {path: path.read_bytes() for path in sorted(root.rglob('*.i2vflow'))}


def batches(config):
    """Give what training reads: (I_0, I_1, keys), for each pair."""
    dataset = DATASETS.build(Config.fromfile(config).train_dataloader.dataset.target)
    for index in range(len(dataset)):
        sample = dataset.prepare_data(index)
        frames = sample['inputs'].float().flip(1)
        yield frames[:1], frames[1:], tuple(sample['data_samples'].frame_keys)


def test_makes_both_directions_of_every_pair_as_training_would(call, config, tmp_path):
    out = tmp_path / 'cache'
    code, said, _ = call(config, '--out', out)
    assert code == 0
    assert f'{PAIRS} pairs of 40x64 (H x W), {PAIRS} made and 0 kept' in said
    assert 'MB a field' in said
    assert len(files(out)) == 2 * PAIRS

    options = Config.fromstring(next(line for line in said.splitlines() if line.startswith('model =')), '.py')
    flow_estimator = options.model.flow_estimator.to_dict()
    assert flow_estimator.pop('_delete_')
    cached = MODELS.build(flow_estimator)
    assert isinstance(cached, CachedFlow)
    seen = 0
    for frame_0, frame_1, (first, second) in batches(config):
        both = torch.cat((frame_0, frame_1)), torch.cat((frame_1, frame_0))
        flow = cached(*both, [(first, second), (second, first)])
        np.testing.assert_allclose(flow, cached.online(*both), atol=1 / 128 + 1e-6, rtol=0)
        assert flow.abs().max() > 0.5
        seen += 1
    assert seen == PAIRS


def flipping(pipeline, root, place):
    """Give a pipeline that mirrors every frame and reads flow before (``place`` 2) or after (3) that."""
    each = {key: pipeline[1][key] for key in ('type', 'mapping', 'auto_remap', 'share_random_params')}
    flip = dict(each, transforms=[dict(type='RandomFlip', prob=1.0)])
    steps = [*pipeline[:2], flip, pipeline[-1]]
    load = dict(type='LoadFlow', root=str(root), online=dict(type='DISFlow', preset='fast'))
    return [*steps[:place], load, *steps[place:]]


def test_a_cache_serves_a_pipeline_that_mirrors_frames_after_it_and_refuses_one_that_does_so_before(
    call, config, tmp_path
):
    changed, root = Config.fromfile(config), tmp_path / 'cache'
    target = changed.train_dataloader.dataset.target
    pipeline = target.pipeline
    target.pipeline = flipping(pipeline, root, 2)
    changed.dump(tmp_path / 'flipping.py')
    assert f'{PAIRS} pairs of 40x64' in call(tmp_path / 'flipping.py')[1]  # in the folder that LoadFlow names
    mirrored = DATASETS.build(target).prepare_data(0)
    plain = DATASETS.build(target | dict(pipeline=[*target.pipeline[:3], target.pipeline[-1]])).prepare_data(0)
    assert torch.equal(mirrored['inputs'], plain['inputs'].flip(-1))
    for name in ('flow_01', 'flow_10'):
        expected = plain['data_samples'].get(name).data.flip(-1) * torch.tensor([-1.0, 1.0]).view(2, 1, 1)
        assert torch.equal(mirrored['data_samples'].get(name).data, expected)
        assert expected.abs().max() > 0.5
    with pytest.raises(ValueError, match='looked otherwise'):
        DATASETS.build(target | dict(pipeline=flipping(pipeline, root, 3))).prepare_data(0)


def test_resume_makes_what_is_missing_or_damaged_and_nothing_else(call, config, tmp_path):
    out = tmp_path / 'cache'
    call(config, '--out', out)
    whole = files(out)
    lost, cut, *kept = list(whole)[::3]
    lost.unlink()
    cut.write_bytes(whole[cut][:100])
    (cut.parent / '.1234.tmp').write_bytes(b'of a run that was killed')
    os.utime(cut.parent / '.1234.tmp', (0, 0))
    times = {path: path.stat().st_mtime_ns for path in kept}
    code, _, error = call(config, '--out', out)
    assert code == 1
    assert 'already holds a flow cache; --resume completes it' in error
    code, said, _ = call(config, '--out', out, '--resume')
    assert code == 0
    assert f'{PAIRS - 2} kept' in said
    assert files(out) == whole
    assert times == {path: path.stat().st_mtime_ns for path in kept}
    assert not list(out.rglob('*.tmp'))
    assert f'0 made and {PAIRS} kept' in call(config, '--out', out, '--resume')[1]
    code, _, error = call(config, '--out', out, '--resume', '--cfg-options', 'model.flow_estimator.preset=medium')
    assert code == 1
    assert "by another estimator: preset='fast', not 'medium'" in error


def test_the_default_folder_names_estimator_and_size_and_a_cached_config_knows_its_own(call, config, world):
    assert call(config)[0] == 0
    (root,) = (world / 'cityscapes' / 'flow').iterdir()
    assert root.name.startswith('disflow_40x64_')
    assert FlowCache(root).size == (40, 64)
    assert read_flow(next(iter(files(root)))).shape == (40, 64, 2)
    changed = Config.fromfile(config)
    changed.model.flow_estimator = dict(type='CachedFlow', root=str(root), online=changed.model.flow_estimator)
    changed.dump(config)
    code, said, _ = call(config, '--resume')
    assert code == 0
    assert f'{root}: {PAIRS} pairs' in said
    del changed.model.flow_estimator['online']
    changed.dump(config)
    assert 'a CachedFlow without online=' in call(config, '--resume')[2]


def test_what_cannot_be_cached_is_refused(call, config, tmp_path, request):
    changed = Config.fromfile(config)
    steps = changed.train_dataloader.dataset.target.pipeline[1].transforms
    steps.append(dict(type='RandomFlip', prob=0.5))
    changed.dump(tmp_path / 'random.py')
    assert 'the target pipeline is random' in call(tmp_path / 'random.py', '--out', tmp_path / 'cache')[2]
    source_only = request.config.rootpath / 'configs/source_only/deeplabv2_r18_streetworld.py'
    assert 'no part of its model has a flow_estimator, or there is no target domain' in call(source_only)[2]
    option = ('--cfg-options', 'train_dataloader.dataset.target.pairs=None')
    assert 'has no pairs of frames' in call(config, '--out', tmp_path / 'cache', *option)[2]
    assert '--workers must be at least 1' in call(config, '--workers', 0)[2]
    assert 'no config file at' in call(tmp_path / 'absent.py')[2]
    absent = Config.fromfile(config)
    absent.model.flow_estimator = dict(type='MMFlow', model='raft', checkpoint='no/where.pth')
    absent.dump(tmp_path / 'absent_weights.py')
    code, _, error = call(tmp_path / 'absent_weights.py', '--out', tmp_path / 'cache')
    assert code == 1
    assert error.startswith('precompute_flow: There is no flow checkpoint no/where.pth: curl -L')
    if not torch.cuda.is_available():
        assert 'torch finds no GPU' in call(config, '--device', 'cuda')[2]
    assert not (tmp_path / 'cache').exists()


def test_all_parts_that_look_at_flow_are_told_to_read_the_cache(call, config, tmp_path):
    changed = Config.fromfile(config)
    estimator = dict(changed.model.flow_estimator)
    refinement = dict(type='PseudoLabelRefinement', flow_estimator=estimator)
    changed.model = dict(type='CMOM', flow_estimator=estimator, refinement=refinement)
    changed.dump(tmp_path / 'refined.py')
    out = tmp_path / 'cache'
    code, said, error = call(tmp_path / 'refined.py', '--out', out)
    assert (code, error) == (0, '')
    options = Config.fromstring(next(line for line in said.splitlines() if line.startswith('model =')), '.py')
    cached = dict(_delete_=True, type='CachedFlow', root=str(out), online=estimator)
    assert options.model == dict(flow_estimator=cached, refinement=dict(flow_estimator=cached))


@pytest.mark.slow
def test_several_workers_make_the_same_files(call, config, tmp_path, request):
    call(config, '--out', tmp_path / 'one')
    command = [sys.executable, 'tools/precompute_flow.py', config, '--out', tmp_path / 'two', '--workers', 2]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=request.config.rootpath,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*files(tmp_path / 'one').values()] == [*files(tmp_path / 'two').values()]
    assert len(files(tmp_path / 'two')) == 2 * PAIRS


def test_samples_of_three_frames_give_two_pairs(call, config, tmp_path):
    three = Config.fromfile(config)
    target = three.train_dataloader.dataset.target
    target.frames = 3
    target.pipeline[1].mapping = dict(img=['frame_0', 'frame_1', 'frame_2'])
    three.dump(tmp_path / 'three.py')
    code, _, _ = call(tmp_path / 'three.py', '--out', tmp_path / 'three')
    assert code == 0
    call(config, '--out', tmp_path / 'two')
    fields, expected = (
        {path.relative_to(tmp_path / name): data for path, data in files(tmp_path / name).items()}
        for name in ('three', 'two')
    )
    assert len(fields) == 2 * PAIRS
    assert fields == expected
