"""Whatever is broken in a work dir is said on the page in a sentence, and the rest is shown."""

import html
import json
import re
import shutil

import pytest
import torch

from i2vda_mmseg.reporting import ReportOptions, build_report

RAW = re.compile(
    r'Traceback|\b\w+(Error|Exception)\b|\[Errno|object at 0x|<class |codec|NoneType|unhashable|subscriptable|'
    r'positional argument|has no attribute|invalid literal|not supported between'
)
STAMP = '20260102_030405'


def config(folder):
    return folder / STAMP / 'vis_data/config.py'


def append(line):
    return lambda folder: config(folder).write_text(f'{config(folder).read_text()}\n{line}\n')


def replaced(old, new):
    return lambda folder: config(folder).write_text(config(folder).read_text().replace(old, new))


def written(name, content):
    def write(folder):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return write


def saved(content):
    return lambda folder: torch.save(content, folder / 'iter_40.pth')


def metrics(**changes):
    def change(folder):
        content = json.loads((folder / 'metrics.json').read_text()) | changes
        (folder / 'metrics.json').write_text(json.dumps(content))

    return change


def folder_in_place_of(name):
    def change(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


SCALARS = f'{STAMP}/vis_data/scalars.json'
BROKEN = {
    'config of another syntax': written(f'{STAMP}/vis_data/config.py', b'model = dict(\n'),
    'config of bytes': written(f'{STAMP}/vis_data/config.py', b'\xff\xfe\x00a = 1'),
    'config that raises': append('1 / 0'),
    'config that names what is not there': append('x = nobody.knows'),
    'config that imports what is not there': append('import nobody_has_this'),
    'empty config': written(f'{STAMP}/vis_data/config.py', b''),
    'config without a model': append('model = None'),
    'model that is a text': append("model = 'i2vda'"),
    'model of an unknown type': append("model = dict(type='NobodysSegmentor')"),
    'model without a type': append('model = dict(segmentor=dict())'),
    'model with an unknown argument': append('model = dict(model, colour=3)'),
    'backbone of an unknown type': replaced("type='DeepLabResNet'", "type='NobodysNet'"),
    'backbone of an impossible depth': replaced('depth=18', 'depth=19'),
    'no data sets': append('val_dataloader = test_dataloader = train_dataloader = None'),
    'data set that is a list': append('val_dataloader = test_dataloader = dict(dataset=[1, 2])'),
    'data set without a pipeline': append("val_dataloader['dataset'].pop('pipeline')"),
    'unknown step of a pipeline': replaced("type='LoadImage'", "type='LoadHologram'"),
    'step with a wrong argument': replaced("type='LoadImage'", "type='LoadImage', colour=3"),
    'pipeline without loading': replaced("dict(type='LoadImage'),", ''),
    'size that is none': replaced('scale=(', 'scale=(-'),
    'target without frames': append("train_dataloader['dataset']['target']['data_root'] = '/nowhere'"),
    'unknown class space': replaced("class_space='viper15'", "class_space='moon'"),
    'checkpoint of bytes': written('iter_40.pth', b'nothing'),
    'empty checkpoint': written('iter_40.pth', b''),
    'checkpoint that is a list': saved([1, 2]),
    'checkpoint without weights': saved(dict(meta={})),
    'checkpoint whose weights are numbers': saved(dict(state_dict=dict(weight=3))),
    'checkpoint of another network': saved(dict(state_dict={'segmentor.backbone.conv1.weight': torch.zeros(1)})),
    'checkpoint that is a folder': folder_in_place_of('iter_40.pth'),
    'no checkpoint': lambda folder: (folder / 'iter_40.pth').unlink(),
    'metrics that are a folder': folder_in_place_of('metrics.json'),
    'metrics of bytes': written('metrics.json', b'\xff\xfe{}'),
    'metrics that are a list': written('metrics.json', b'[1]'),
    'metrics of depth': written('metrics.json', b'[' * 100_000),
    'metrics that are texts': metrics(mIoU='high', IoU='all', TC=[1], flicker=None, protocol=3, TC_switches='x'),
    'metrics of huge numbers': metrics(mIoU=10**400, TC=1e308),
    'versions that are a list': metrics(versions=[1, {'a': 2}]),
    'tested checkpoint that is no path': metrics(checkpoint='\0'),
    'scalars that are a folder': folder_in_place_of(SCALARS),
    'scalars of other things': written(SCALARS, b'3\nnull\n{"step": "a"}\n{"iter": 1, "step": true, "loss": {}}\n'),
    'scalars of NaN': written(SCALARS, b'{"iter": 1, "step": 1, "loss_seg": NaN}\n' * 3),
    'scalars of negative steps': written(SCALARS, b'{"iter": 1, "step": -5, "loss_seg": 1e309}\n'),
    'log of bytes': written(f'{STAMP}/{STAMP}.log', b'\xff' * 500),
}
SAID = {
    'config of another syntax': "config.py cannot be read (line 1: '(' was never closed)",
    'config of bytes': 'config.py cannot be read (it is no text in UTF-8 (byte 0))',
    'config that raises': 'config.py cannot be read (division by zero)',
    'config that names what is not there': "config.py cannot be read (name 'nobody' is not defined)",
    'config without a model': 'no labels of the clip: model: expected a dict with a type, got None',
    'model of an unknown type': 'no samples: the config names NobodysSegmentor, which no imported package knows',
    'backbone of an impossible depth': 'DeepLabResNet cannot be built as the config says: invalid depth 19 for resnet',
    'unknown step of a pipeline': 'no samples: the config names LoadHologram, which no imported package knows',
    'step with a wrong argument': 'LoadImage cannot be built as the config says: ',
    'data set that is a list': 'no samples: its files hold something that this version of the program cannot take, in ',
    'unknown class space': "no samples: class_space='moon' is unknown",
    'empty checkpoint': 'iter_40.pth is damaged or no checkpoint: it is empty',
    'checkpoint that is a list': 'iter_40.pth cannot be loaded: No state_dict found in checkpoint file',
    'checkpoint without weights': 'no samples: the checkpoint does not fit the config: it lacks 113 of the 113 weights',
    'no checkpoint': 'no samples: no checkpoint ',
    'metrics of bytes': 'metrics.json is no JSON (it is no text in UTF-8 (byte 0))',
    'metrics of depth': 'metrics.json is no JSON (it is nested too deeply)',
    'metrics that are a list': 'no figures: metrics.json is no table',
    'scalars that are a folder': 'no training curves: there is no */vis_data/scalars.json with training iterations',
}


@pytest.fixture
def broken(two_runs, tmp_path):
    def make(fault):
        folder = shutil.copytree(two_runs[0], tmp_path / 'broken')
        (folder / 'last_checkpoint').write_text(str(folder / 'iter_40.pth'))
        metrics(checkpoint=str(folder / 'iter_40.pth'))(folder)
        BROKEN[fault](folder)
        return folder

    return make


@pytest.mark.parametrize('fault', BROKEN)
def test_no_page_shows_a_raw_exception(broken, fault, tmp_path):
    folder = broken(fault)
    path = build_report([folder], tmp_path / 'report.html', ReportOptions(samples=1, max_frames=1))
    page = path.read_text()
    said = page.partition('<section id="files">')[0]
    said = re.sub(r'<(script|style).*?</\1>|data:image/[^"]*', '', said, flags=re.DOTALL)
    found = RAW.search(said)
    assert found is None, said[max(0, found.start() - 200) : found.end() + 200]
    assert said.count('<section') > 4
    assert SAID.get(fault, '') in html.unescape(said)
