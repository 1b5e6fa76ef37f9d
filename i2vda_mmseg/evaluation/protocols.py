"""Protocols: what a number is about, and whether a data set is. Every ``metrics.json`` and every table names one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from i2vda_mmseg.datasets.class_spaces import (
    CITYSCAPES_RAW_IDS,
    CITYSCAPES_TO_12,
    CITYSCAPES_TO_15,
    CITYSCAPES_TO_15_NO_RIDER,
    CITYSCAPES_TRAIN_IDS,
    CLASSES_12,
    CLASSES_15,
)
from i2vda_mmseg.ops import IGNORE_INDEX

_RAW_IDS = set(CITYSCAPES_RAW_IDS.values())


class Protocol(NamedTuple):
    """What a figure means.

    Attributes:
        class_space: That of ``CityscapesSeqDataset``: which raw ids belong to which class.
        classes: Classes that the network predicts, in its order; the confusion is counted over all of them.
        not_reported: Classes left out of the mean and of the report, after counting.
        ignored_ids: Raw label ids of Cityscapes whose pixels count nowhere.
        description: One sentence.
        prediction_size: 'native': logits are resized bilinearly to the size of the label file, then argmax.
        label_size: 'native': labels are compared as they are on disk, never resized.
        snapshot: Which checkpoint of a run the figure is of. 'last': the one at the end of the schedule, so that
            nothing is picked by its score on the validation set.
    """

    class_space: str
    classes: tuple[str, ...]
    not_reported: tuple[str, ...]
    ignored_ids: tuple[int, ...]
    description: str
    prediction_size: str = 'native'
    label_size: str = 'native'
    snapshot: str = 'last'

    @property
    def trained(self) -> int:
        """Number of classes that the network predicts."""
        return len(self.classes)

    @property
    def reported(self) -> tuple[str, ...]:
        """Classes that the mean is over."""
        return tuple(name for name in self.classes if name not in self.not_reported)


def _ignored(raw_to_class: Mapping[int, int], *more: int) -> tuple[int, ...]:
    kept = set(raw_to_class).difference(more)
    return tuple(sorted(_RAW_IDS - kept))


_FENCE = CITYSCAPES_RAW_IDS['fence']
PROTOCOLS = {
    'viper15': Protocol(
        'viper15', CLASSES_15, (), _ignored(CITYSCAPES_TO_15),
        'the 15 classes of VIPER -> Cityscapes as in DA-VSN: riders count as persons',
    ),
    'viper15-no-rider': Protocol(
        'viper15-no-rider', CLASSES_15, (), _ignored(CITYSCAPES_TO_15_NO_RIDER),
        'the 15 classes of VIPER -> Cityscapes as in UnifiedVideoDA: riders are ignored',
    ),
    'synthia11': Protocol(
        'synthia12', CLASSES_12, ('fence',), _ignored(CITYSCAPES_TO_12),
        'the 11 reported of 12 trained classes of SYNTHIA -> Cityscapes as in DA-VSN: fence leaves the mean after '
        'counting, so that its errors still count for the other classes',
    ),
    'synthia11-strict': Protocol(
        'synthia12', tuple(name for name in CLASSES_12 if name != 'fence'), (), _ignored(CITYSCAPES_TO_12, _FENCE),
        'the 11 classes of synthia11, trained alone: fence is ignored',
    ),
}  # fmt: skip


def protocol_named(name: str) -> Protocol:
    """Look a protocol up; ValueError if there is none of that name."""
    if name not in PROTOCOLS:
        raise ValueError(f'protocol must be one of {sorted(PROTOCOLS)}, got {name!r}')
    return PROTOCOLS[name]


def require_classes(name: str, meta: Mapping[str, Any]) -> None:
    """Raise ValueError for a data set with other classes, or with the classes in another order."""
    protocol, classes = protocol_named(name), tuple(meta['classes'])
    if classes != protocol.classes:
        raise ValueError(
            f'protocol {name!r} is about {protocol.trained} classes ({protocol.description}): '
            f'{", ".join(protocol.classes)}; but the data set has {len(classes)}: {", ".join(classes)}'
        )


def require_labels(name: str, meta: Mapping[str, Any]) -> None:
    """Refuse a data set of Cityscapes that ignores other raw ids than the protocol does.

    Args:
        name: Name of the protocol.
        meta: ``metainfo`` of the data set. Its ``label_map`` is compared if it is over the label ids of Cityscapes, or
            its train ids, where a label id without one is ignored.

    Raises:
        ValueError: With the ids that differ, and the class space to set.
    """
    label_map, protocol = meta.get('label_map') or {}, protocol_named(name)
    if set(label_map) == {*CITYSCAPES_TRAIN_IDS.values(), IGNORE_INDEX}:
        by_name = {CITYSCAPES_RAW_IDS[name]: label_map[train_id] for name, train_id in CITYSCAPES_TRAIN_IDS.items()}
        label_map = dict.fromkeys(_RAW_IDS, IGNORE_INDEX) | by_name
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
