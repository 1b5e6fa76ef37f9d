"""Protocols: what a number is about, and whether a data set is. Every ``metrics.json`` and every table names one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from i2vda_mmseg.datasets.class_space import ClassSpace, class_space_of
from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS, CITYSCAPES_TRAIN_IDS
from i2vda_mmseg.errors import ConfigError
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


def protocol_of_space(space: ClassSpace, class_space: str | None = None) -> Protocol:
    """Make the protocol of a class space: its classes, and the label ids of the target that count nowhere."""
    mapped = space.raw_to_class('target')
    return Protocol(
        class_space=class_space or space.name,
        classes=space.classes,
        not_reported=space.not_reported,
        ignored_ids=tuple(raw for raw in space.raw_ids('target') if raw not in mapped),
        description=space.description,
    )


PUBLISHED = {
    'viper15': 'viper15', 'viper15-no-rider': 'viper15-no-rider', 'synthia11': 'synthia12',
    'synthia11-strict': 'synthia12', 'cityscapes19': 'cityscapes19',
}  # fmt: skip
PROTOCOLS = {name: protocol_of_space(class_space_of(name), data) for name, data in PUBLISHED.items()}


def register_class_space(space: ClassSpace) -> str:
    """Let figures be about a class space of one's own: a protocol of its name.

    Returns:
        The name.

    Raises:
        ConfigError: If a published protocol has that name and is about something else.
    """
    protocol = protocol_of_space(space, PUBLISHED.get(space.name))
    if space.name in PUBLISHED and PROTOCOLS[space.name][1:4] != protocol[1:4]:
        raise ConfigError(
            f'class_space.name: {space.name!r} is a published protocol with other classes or label ids; choose another'
        )
    PROTOCOLS[space.name] = protocol
    return space.name


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
    if name not in PUBLISHED:
        return  # the data set takes its label ids from the class space itself
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
