"""Which ids a label file of Cityscapes holds: the name of the file tells, and so do the ids."""

import re
from collections.abc import Collection, Mapping

from i2vda_mmseg.ops import IGNORE_INDEX

from .class_spaces import CITYSCAPES_RAW_IDS, CITYSCAPES_TRAIN_IDS

LABEL_IDS = ('labelIds', 'trainIds')
_ENDINGS = {'labelIds': 'labelIds', 'trainIds': 'labelTrainIds'}
_KINDS = {'labelids', 'labeltrainids', 'instanceids', 'instancetrainids', 'color', 'polygons'}


def label_ids_ending(label_ids: str) -> str:
    """Give the usual ending of the label files that hold ``label_ids``, one of ``LABEL_IDS``."""
    if label_ids not in LABEL_IDS:
        raise ValueError(f'label_ids={label_ids!r} is unknown; choose one of {list(LABEL_IDS)}.')
    return f'_gtFine_{_ENDINGS[label_ids]}.png'


def require_label_files(ending: str, label_ids: str) -> None:
    """Refuse label files whose name says that they hold something else.

    Raises:
        ValueError: If the name is one of Cityscapes' other files; a name of one's own passes.
    """
    kind = re.search(r'([A-Za-z]+)\.[^.]*$', ending)
    if kind and kind[1].lower() in _KINDS and kind[1].lower() != _ENDINGS[label_ids].lower():
        other = [ids for ids, name in _ENDINGS.items() if name.lower() == kind[1].lower()]
        way = f'set label_ids={other[0]!r} to read them' if other else f'use *{label_ids_ending(label_ids)}'
        raise ValueError(
            f'seg_map_suffix={ending!r} names files of {kind[1]}, but they would be read as {_ENDINGS[label_ids]} '
            f'(label_ids={label_ids!r}); {way}.'
        )


def ids_to_classes(raw_to_class: Mapping[int, int], label_ids: str) -> tuple[tuple[int, ...], dict[int, int]]:
    """Give the ids that files may hold, and the class index of those that have one in Cityscapes' own ids.

    Example:
        >>> ids, classes = ids_to_classes({7: 0, 26: 1}, 'trainIds')  # road and car
        >>> ids[:3], ids[-1], classes
        ((0, 1, 2), 255, {0: 0, 13: 1})
    """
    if label_ids == 'labelIds':
        return tuple(CITYSCAPES_RAW_IDS.values()), dict(raw_to_class)
    raw_of = {train_id: CITYSCAPES_RAW_IDS[name] for name, train_id in CITYSCAPES_TRAIN_IDS.items()}
    known = {train_id: raw_to_class[raw] for train_id, raw in raw_of.items() if raw in raw_to_class}
    return (*raw_of, IGNORE_INDEX), known


def look_like_train_ids(ids: Collection[int]) -> bool:
    """Tell whether label ids of a whole data set are train ids: several, none above 18 but 255.

    Every street has vegetation, sky and cars, whose label ids are 21, 23 and 26.

    Example:
        >>> look_like_train_ids({0, 2, 8, 10, 13, 255}), look_like_train_ids({7, 11, 21, 23, 26})
        (True, False)
    """
    return len(ids) > 1 and set(ids) <= {*CITYSCAPES_TRAIN_IDS.values(), IGNORE_INDEX}
