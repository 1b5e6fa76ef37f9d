"""The classes that two data sets share."""

from collections.abc import Mapping
from typing import Any

from i2vda_mmseg.errors import ConfigError

from ..class_space import ClassSpace, class_space_of
from ..class_spaces import CITYSCAPES_TRAIN_IDS
from .prepared import Prepared


def common_class_space(source: Prepared, target: Prepared, name: str = '') -> ClassSpace:
    """Make the class space of a domain pair: the classes that both have, in the order of Cityscapes.

    Where one data set covers with one class what the other divides, the finer classes become the coarser one: against a
    target whose vehicles are one class, cars and trucks of the source are vehicles. A target without labels has the
    classes of the source.

    Args:
        source: Labelled images.
        target: Videos, with labels or without.
        name: Name of the class space; by default the names of both.

    Raises:
        ConfigError: If they share fewer than two classes.
    """
    tables = {'source': _coarser(source.labels, target.covers)}
    if target.splits:
        tables['target'] = _coarser(target.labels, source.covers)
    present = [set(table.values()) - {None} for table in tables.values()]
    common = set.intersection(*present)
    ordered = [each for each in CITYSCAPES_TRAIN_IDS if each in common]
    ordered += sorted(str(each) for each in common if each not in ordered)
    if len(ordered) < 2:
        raise ConfigError(f'{source.name} and {target.name} share fewer than two classes: {ordered}')
    written: dict[str, Any] = dict(
        name=name or f'{source.name}2{target.name}',
        description=f'the {len(ordered)} classes that {source.name} and {target.name} share',
        classes=ordered,
    )
    for domain, table in tables.items():
        written[domain] = {raw: label if label in common else None for raw, label in table.items() if raw != 255}
    return class_space_of(written)


def _coarser(table: Mapping[int, str | None], covers: Mapping[str, tuple[str, ...]]) -> dict[int, str | None]:
    coarse = {finer: name for name, finers in covers.items() for finer in finers}
    return {raw: coarse.get(label, label) if label else None for raw, label in table.items()}
