"""The whole way with classes, folders and a video of one's own, no label of the target and no Python but one config."""

import json
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from forks import run_python
from mmseg.registry import DATASETS
from PIL import Image

from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.datasets.class_spaces import VIPER_RAW_IDS
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.streetworld import make_streetworld

OWN_IDS = {'road': 40, 'sidewalk': 41, 'building': 7, 'sky': 90, 'vegetation': 12, 'car': 3}
CLASSES = '40 road\n41 pavement\n7 house\n90 sky\n12 tree\n3 car\n99\n'
ROOT = Path(__file__).parents[2]
SHORT = (
    'train_cfg.max_iters=4 default_hooks.checkpoint.interval=2 default_hooks.proxy_copy.interval=2 '
    'default_hooks.proxy_copy.launch=2 train_dataloader.num_workers=0'
)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """StreetWorld in a layout of its own: six classes with their own ids, and one drive as an mp4."""
    folder = tmp_path_factory.mktemp('own')
    street = make_streetworld(
        folder / 'street', images=4, synthia_images=0, clips=1, val_clips=0, frames=6, size=(48, 96), progress=False
    )
    table = np.full(256, 99, np.uint8)
    for name, raw in OWN_IDS.items():
        table[VIPER_RAW_IDS[name]] = raw
    for image in sorted(street.glob('viper/train/img/*/*.jpg')):
        label = image.parents[2] / 'cls' / image.parent.name / f'{image.stem}.png'
        own = Image.fromarray(table[np.array(Image.open(label))])
        for kind, content in (('shots', Image.open(image)), ('ids', own)):
            out = folder / 'render' / kind / f'{image.stem}.png'
            out.parent.mkdir(parents=True, exist_ok=True)
            content.save(out)
    frames = sorted(street.glob('cityscapes/leftImg8bit_sequence/train/*/*.png'))
    with VideoWriter(folder / 'drive.mp4', 15.0) as writer:
        for frame in frames:
            writer.write(cv2.imread(str(frame)))
    (folder / 'classes.txt').write_text(CLASSES)
    return folder


def run(folder, command, expect=0):
    """Run a line of the documentation in a folder; returns what it printed."""
    tool, *arguments = shlex.split(command.removeprefix('python '))
    done = run_python(ROOT / tool, *arguments, cwd=folder)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def pasted(page):
    """The commands of a page, in order."""
    blocks = page.split('```bash\n')[1:]
    lines = [line for block in blocks for line in block.split('```')[0].replace('\\\n', ' ').splitlines()]
    return [line.partition('  #')[0].strip() for line in lines if line.startswith('python ')]


@pytest.mark.slow
def test_the_commands_of_the_page_go_the_whole_way(files):
    commands = pasted((ROOT / 'docs/own_data.md').read_text())
    kinds = [command.split()[1] for command in commands]
    assert kinds == [f'tools/{name}.py' for name in (
        'init_pair', 'check_data', 'browse', 'train', 'select_checkpoint', 'segment_video', 'report', 'export',
    )]  # fmt: skip
    chosen = None
    for command, kind in zip(commands, kinds):
        line = command.replace('CHOSEN', str(chosen))
        if kind == 'tools/init_pair.py':
            line += ' --network r18'
        if kind == 'tools/train.py':
            line += f' --cfg-options {SHORT}'
        run(files, line)
        if kind == 'tools/select_checkpoint.py':
            chosen = json.loads((files / 'work_dirs/pair/selection.json').read_text())['chosen']
            chosen = next((files / 'work_dirs/pair').glob(Path(chosen or 'iter_4.pth').name))
    assert "40: 'road', 41: 'pavement'" in (files / 'pair.py').read_text()
    assert sum(1 for _ in VideoReader(files / 'segmented.mp4')) == 6
    (figures,) = json.loads((files / 'segmented.json').read_text())
    assert json.loads((files / 'work_dirs/pair/video.json').read_text()) == [figures]
    assert (figures['pairs'], figures['clips'], figures['protocol']) == (5, 1, 'pair')
    for page in ('browse.html', 'report.html'):
        assert 'pavement' in (files / page).read_text()
    for part in ('drive.mp4: TC', 'drive.mp4: flicker', 'chosen without labels'):
        assert part in (files / 'report.html').read_text().replace('<wbr>', '')
    assert torch.load(files / 'network.pth', weights_only=False)['meta']['dataset_meta']['classes'][1] == 'pavement'


def test_what_the_page_adds_to_the_config_for_labels_of_the_target_and_for_pictures(files, monkeypatch):
    monkeypatch.chdir(files)
    options = '--images render/shots --labels render/ids --video drive.mp4 --classes classes.txt --out labelled.py'
    monkeypatch.setattr(sys, 'argv', ['init_pair.py', *options.split()])
    with pytest.raises(SystemExit, match='0'):
        runpy.run_path(str(ROOT / 'tools/init_pair.py'), run_name='__main__')
    blocks = [block.split('```')[0] for block in (ROOT / 'docs/own_data.md').read_text().split('```python\n')[1:]]
    (labels,), (pictures,) = ([b for b in blocks if what in b] for what in ('test_dataloader', 'PanelHook'))
    written = Path('labelled.py').read_text().replace('class_space = dict(', "class_space = dict(target={40: 'road'},")
    Path('labelled.py').write_text(f'{written}\n{labels}\n{pictures}')
    for kind, folder in (('shots', 'images'), ('ids', 'labels')):
        shutil.copytree(files / 'render' / kind, files / 'checked' / folder)
    config = load_config('labelled.py')
    check_config(config)
    assert len(DATASETS.build(config.test_dataloader.dataset)) == 4
    assert config.test_evaluator.protocol == 'labelled'


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ('--video absent.mp4', 'there is no video and no folder at absent.mp4'),
        ('--labels empty', 'no picture (.png, .jpg'),
        ('--images absent', 'no such folder: '),
        ('--video one.mp4', 'one.mp4 holds 1 frames but no two consecutive ones; take a longer video'),
        ('--video still.mp4', 'nothing moves in still.mp4'),
        ('--classes twice.txt', "classes: 'road' is named twice"),
        ('--classes few.txt', 'raw ids that few.txt does not name: 3 ('),
        ('--classes absent.yaml', '--classes: there is no file absent.yaml'),
        ('--labels others', 'no label has the name of an image: images are like'),
    ],
)
def test_wrong_turns_are_one_sentence(files, monkeypatch, capsys, options, said):
    (files / 'empty').mkdir(exist_ok=True)
    (files / 'others').mkdir(exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(files / 'others/else.png')
    for name, count in (('one.mp4', 1), ('still.mp4', 4)):
        with VideoWriter(files / name, 10.0) as writer:
            for _ in range(count):
                writer.write(cv2.resize(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), (64, 48)))
    (files / 'twice.txt').write_text('40 road\n41 road x\n')
    (files / 'twice.txt').write_text('classes: [road, road]\n')
    (files / 'twice.txt').rename(files / 'twice.yaml')
    (files / 'few.txt').write_text(CLASSES.replace('3 car\n', ''))
    base = '--images render/shots --labels render/ids --video drive.mp4 --out other.py '
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, 'argv', ['init_pair.py', *shlex.split(base + options.replace('twice.txt', 'twice.yaml'))])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / 'tools/init_pair.py'), run_name='__main__')
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
    assert not (files / 'other.py').exists()
