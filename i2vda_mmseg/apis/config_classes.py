"""The class space of a config: written once, filled in wherever classes are asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from i2vda_mmseg.datasets import ClassSpace, class_space_of
from i2vda_mmseg.datasets.class_space import FILES
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation.protocols import register_class_space

from .config_keys import all_dicts, arguments_of

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'tc_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator', 'tc_evaluator')


def complete_classes(config: Config) -> None:
    """Fill the config's ``class_space`` in, if it has one.

    ``model.thing_classes`` may name its classes.

    Heads get its number of classes and discriminators as many channels as before for each; data sets get classes,
    colours and raw ids, those of the source for the source and those of the target for all else; evaluators get the
    protocol of its name. What the config says of these, or inherits, is replaced: the class space is the one place
    where classes are written.

    Args:
        config: Changed in place; a file that it names is read, from the working directory or the config's folder.

    Raises:
        FileNotFoundError: If there is no such file.
        ConfigError: If something in the class space is wrong, or ``model.thing_classes`` are indices of other classes.
    """
    value = config.get('class_space')
    if value is None:
        return
    space = class_space_of(_found(value, getattr(config, 'filename', None)))
    register_class_space(space)
    config.class_space = space.to_dict()
    _fill_model(config.get('model') or {}, space)
    _fill_things(config.get('model') or {}, space, is_published=isinstance(value, str) and not value.endswith(FILES))
    for name in _LOADERS:
        dataset = (config.get(name) or {}).get('dataset')
        if dataset is not None:
            _fill_data(dataset, space, 'target')
    for name in _EVALUATORS:
        for evaluator in all_dicts(config.get(name) or {}):
            if evaluator.get('type') in {'DomainIoUMetric', 'TemporalConsistency'}:
                evaluator['protocol'] = space.name


def _found(value: Any, config_file: str | None) -> Any:
    """A file named by a config may lie beside it."""
    if isinstance(value, str) and value.endswith(FILES) and not Path(value).is_file() and config_file:
        beside = Path(config_file).parent / value
        return str(beside) if beside.is_file() else value
    return value


def _fill_model(model: dict, space: ClassSpace) -> None:
    segmentor, count = model.get('segmentor') or {}, len(space.classes)
    heads = [head for name in ('decode_head', 'auxiliary_head') for head in _listed(segmentor.get(name))]
    before = next((head['num_classes'] for head in all_dicts(heads) if 'num_classes' in head), None)
    for part in (*heads, *(part for part in all_dicts(segmentor) if 'num_classes' in part)):
        part['num_classes'] = count
    for part in all_dicts(model.get('discriminator') or {}):
        if part.get('type') == 'FCDiscriminator':
            channels = part.get('in_channels')
            each = channels // before if channels and before and channels % before == 0 else 1
            part['in_channels'] = each * count


def _fill_things(model: dict, space: ClassSpace, is_published: bool) -> None:
    """Turn names of things into their indices; those of another class space, which a leaf inherits, are refused."""
    things = model.get('thing_classes')
    if not things:
        return
    if not is_published and not all(isinstance(thing, str) for thing in things):
        raise ConfigError(
            f'model.thing_classes: {list(things)} are indices, of the classes that the config inherits from; name the '
            f'things among {list(space.classes)}, or set it to None for no feature distance'
        )
    if strangers := [thing for thing in things if isinstance(thing, str) and thing not in space.classes]:
        raise ConfigError(f'model.thing_classes: {strangers} are none of the classes {list(space.classes)}')
    model['thing_classes'] = [space.classes.index(thing) if isinstance(thing, str) else thing for thing in things]


def _fill_data(dataset: dict, space: ClassSpace, domain: str) -> None:
    """Fill a data set in, and those inside it."""
    for name in ('source', 'target', 'dataset', 'datasets'):
        for inner in _listed(dataset.get(name)):
            _fill_data(inner, space, 'source' if name == 'source' else domain)
    kind = dataset.get('type')
    takes = arguments_of(DATASETS.get(kind) if isinstance(kind, str) else kind)[0]
    if 'class_space' in takes:
        dataset['class_space'] = space.to_dict()
        dataset.pop('metainfo', None)
        if 'domain' in takes and kind != 'CityscapesSeqDataset':
            dataset['domain'] = domain
    elif 'metainfo' in takes and 'pipeline' in takes:
        dataset['metainfo'] = space.metainfo


def _listed(value: Any) -> list[Any]:
    return [each for each in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(each, Mapping)]
