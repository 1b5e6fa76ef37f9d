"""Protocols, data only: what a number is about. Every ``metrics.json`` and every table names its protocol."""

from collections.abc import Mapping
from typing import NamedTuple

from i2vda_mmseg.datasets.class_spaces import (
    CITYSCAPES_RAW_IDS,
    CITYSCAPES_TO_12,
    CITYSCAPES_TO_15,
    CITYSCAPES_TO_15_NO_RIDER,
    CLASSES_12,
    CLASSES_15,
)


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
    return tuple(sorted(set(CITYSCAPES_RAW_IDS.values()) - kept))


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
