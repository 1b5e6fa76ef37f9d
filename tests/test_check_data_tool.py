"""tools/check_data.py: a table, a list of faults, an exit code."""

import json
import runpy
import sys

import pytest
from datasets import trees

FRAMES = [trees.frame_name(number) for number in range(18, 20)]
CONFIG = """
train_dataloader = dict(dataset=dict(
    type='DomainPairDataset',
    source=dict(type='ViperDataset', data_root='{root}/viper'),
    target=dict(type='CityscapesSeqDataset', data_root='{root}/cityscapes', pairs='labelled')))
"""


@pytest.fixture
def check(request, tmp_path, monkeypatch, capsys):
    """Run the tool on small trees, and give its exit code and what it said."""
    trees.viper(tmp_path / 'viper')
    trees.cityscapes(tmp_path / 'cityscapes', FRAMES)
    (tmp_path / 'config.py').write_text(CONFIG.format(root=tmp_path))
    tool = str(request.config.rootpath / 'tools' / 'check_data.py')

    def run(*argv, config='config.py'):
        monkeypatch.setattr(sys, 'argv', [tool, str(tmp_path / config), *map(str, argv)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(tool, run_name='__main__')
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return run


def test_no_faults(check):
    code, said = check('--workers', 2, '--deep')
    assert code == 0
    assert 'warning: train source: 3 frames, but the published data have 13,367 frames' in said
    assert '0 faults (every file decoded)' in said


def test_faults_are_shown_and_written(check, tmp_path):
    images = sorted((tmp_path / 'viper/train/img').rglob('*.jpg'))
    for image in images:
        image.write_bytes(image.read_bytes()[:-9])
    code, said = check('--out', tmp_path / 'faults.json')
    assert code == 1
    assert '3 faults (headers and ends of files; --deep decodes them)' in said
    for image in images:
        assert f'fault: train source: image {image} cannot be decoded: image file is truncated' in said
    faults = json.loads((tmp_path / 'faults.json').read_text())['faults']
    assert [fault['path'] for fault in faults] == [str(image) for image in images]


def test_options_choose_other_data(check, tmp_path):
    code, said = check('--cfg-options', f'train_dataloader.dataset.source.data_root={tmp_path}/none')
    assert code == 1
    assert f'fault: train source: no such folder: {tmp_path}/none/train/img' in said


def test_what_cannot_be_checked_at_all(check, tmp_path):
    code, said = check(config='absent.py')
    assert code == 1
    assert said.startswith(f'check_data: no config file at {tmp_path}/absent.py; the configs of this project are ')
    assert said.count('\n') == 1
    code, said = check('--workers', 0)
    assert code == 1
    assert said.strip().startswith('check_data: workers must be at least 1, got 0')
