"""Whether a data set is what a protocol is about."""

from collections.abc import Mapping
from typing import Any

from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS
from i2vda_mmseg.ops import IGNORE_INDEX

from .protocols import PROTOCOLS, Protocol

_RAW_IDS = set(CITYSCAPES_RAW_IDS.values())


def find_protocol(name: str) -> Protocol:
    """Look a protocol up.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in PROTOCOLS:
        raise ValueError(f'protocol must be one of {sorted(PROTOCOLS)}, got {name!r}')
    return PROTOCOLS[name]


def require_classes(name: str, meta: Mapping[str, Any]) -> None:
    """Refuse a data set with other classes, or with the classes in another order.

    Raises:
        ValueError: With what the protocol is about and what the data set has.
    """
    protocol, classes = find_protocol(name), tuple(meta['classes'])
    if classes != protocol.classes:
        raise ValueError(
            f'protocol {name!r} is about {protocol.trained} classes ({protocol.description}): '
            f'{", ".join(protocol.classes)}; but the data set has {len(classes)}: {", ".join(classes)}'
        )


def require_labels(name: str, meta: Mapping[str, Any]) -> None:
    """Refuse a data set of Cityscapes that ignores other raw ids than the protocol does.

    Args:
        name: Name of the protocol.
        meta: ``metainfo`` of the data set. Its ``label_map`` is compared if it is over the raw ids of Cityscapes.

    Raises:
        ValueError: With the ids that differ, and the class space to set.
    """
    label_map, protocol = meta.get('label_map') or {}, find_protocol(name)
    if set(label_map) != _RAW_IDS:
        return
    ignored = {raw for raw, index in label_map.items() if index == IGNORE_INDEX}
    if different := sorted(ignored.symmetric_difference(protocol.ignored_ids)):
        names = [f'{raw} ({label})' for label, raw in CITYSCAPES_RAW_IDS.items() if raw in different]
        raise ValueError(
            f'protocol {name!r} ({protocol.description}) and the data set disagree on which label ids are ignored: '
            f'{", ".join(names)}; set class_space={protocol.class_space!r} in the data set, or run tools/test.py with '
            f'--protocol {name}'
        )
