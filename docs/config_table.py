"""The table of all configs, from the configs themselves."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mmengine import Config

from docs.results import MISSING, ROOT, grid
from i2vda_mmseg.apis.config_flow import training_estimator
from i2vda_mmseg.apis.launch import load_config

_DATA = {'ViperDataset': 'VIPER', 'SynthiaSeqDataset': 'SYNTHIA', 'CityscapesSeqDataset': 'Cityscapes-Seq'}
_FOLDERS = {'data/gta5': 'GTA5'}  # of labelled images, which have no data set class of their own
_HEAD = ['config', 'class', 'source -> target', 'network', 'flow', 'batch', 'iterations', 'learning rate']


def config_table() -> str:
    """Lay out a config a row: what is trained, on what, how long."""
    return grid(_HEAD, [_row(path) for path in leaves()], numbers=False)


def leaves(folder: str = '') -> list[Path]:
    """Name the configs that can be trained, or those of a method's folder."""
    return sorted(path for path in (ROOT / 'configs' / folder).rglob('*.py') if '_base_' not in path.parts)


def iterations(path: Path) -> str:
    """How many iterations a config trains, stage by stage."""
    stages = _load(path).train_cfg.get('stages')
    return ' + '.join(f'{stage["iters"]:,}' for stage in stages) if stages else f'{_load(path).train_cfg.max_iters:,}'


@cache
def _load(path: Path) -> Config:
    return load_config(str(path))


def _row(path: Path) -> list[str]:
    config = _load(path)
    loader = config.train_dataloader
    optimizer = config.optim_wrapper.segmentor.optimizer
    return [
        f'`{path.relative_to(ROOT / "configs").with_suffix("").as_posix()}`',
        f'`{config.model.type}`',
        _data(path, loader.dataset),
        _network(config.model.segmentor),
        _flow(training_estimator(config)),
        str(loader.batch_size),
        iterations(path),
        f'{optimizer.type} {optimizer.lr:g}',
    ]


def _data(path: Path, dataset: Mapping[str, Any]) -> str:
    """StreetWorld is read by the data sets whose layout it has."""
    if 'streetworld' in path.stem:
        return 'StreetWorld'
    source, target = (_name(dataset[side]) for side in ('source', 'target'))
    return f'{source} -> {target}'


def _name(dataset: Mapping[str, Any]) -> str:
    kind = dataset['type']
    return _DATA.get(kind) or _FOLDERS.get(dataset.get('data_root'), kind)


def _network(segmentor: Mapping[str, Any]) -> str:
    backbone, head = segmentor['backbone'], segmentor['decode_head']['type']
    name = backbone['type'] + (f'-{backbone["depth"]}' if 'depth' in backbone else '')
    return f'{name}, {"two " if segmentor.get("auxiliary_head") else ""}{head}'


def _flow(estimator: Mapping[str, Any] | None) -> str:
    if not estimator:
        return MISSING
    return {'MMFlow': f'{estimator.get("model")}', 'DISFlow': 'DIS'}.get(estimator['type'], estimator['type'])
