"""Labelled images in anybody's folders."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from i2vda_mmseg.errors import check_choice
from i2vda_mmseg.fileio.frame_source import IMAGES
from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import LABEL_ENCODINGS

from .raw_label_dataset import RawLabelDataset


def common_suffix(folder: str | Path) -> str:
    """Ending of most of the pictures below a folder.

    Raises:
        FileNotFoundError: If there is no such folder, or no picture in it.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f'no such folder: {folder}')
    endings = Counter(path.suffix for path in Path(folder).rglob('*') if path.suffix.lower() in IMAGES)
    if not endings:
        raise FileNotFoundError(f'no picture ({", ".join(IMAGES)}) below {folder}')
    return endings.most_common(1)[0][0]


@DATASETS.register_module()
class LabelledFolderDataset(RawLabelDataset):
    """Images and label images in two folder trees, with raw ids of one's own.

    A label has the name and the folder of its image but for the ending. Labels are pictures of one channel of 8 bits,
    grey or palette, whose values are the raw ids of the class space; or they hold them in their red channel.

    Args:
        data_root: Folder that holds both trees.
        class_space: Classes and raw ids, as ``class_space_of`` takes them; a config's own is handed on by itself.
        data_prefix: Folders ``img_path`` and ``seg_map_path`` below ``data_root``; default ``images`` and ``labels``.
        img_suffix: Ending of the images; None: that of most pictures there.
        seg_map_suffix: Ending of the labels, such as ``_label.png``; None: that of most pictures there.
        label_encoding: 'index': one channel; 'red16': the red channel of 8 or 16 bits, as of SYNTHIA, CARLA and
            KITTI-STEP.
        **kwargs: ``domain``, ``ann_file`` (a list of names) and ``previous_frame`` of ``RawLabelDataset``, and what
            mmseg's ``BaseSegDataset`` takes.

    Raises:
        FileNotFoundError: If a folder, an image or a label is missing.
        ConfigError: If the class space is wrong, or ``label_encoding`` unknown.
    """

    IMAGE_COLOURS = FRAME_COLOURS
    LAYOUT = 'data_root/\n  images/any/name.jpg\n  labels/any/name.png    (one channel of 8 bits, raw ids)'

    def __init__(
        self,
        data_root: str,
        class_space: Any,
        data_prefix: Mapping[str, str] | None = None,
        img_suffix: str | None = None,
        seg_map_suffix: str | None = None,
        label_encoding: str = 'index',
        **kwargs: Any,
    ) -> None:
        check_choice('label_encoding', label_encoding, LABEL_ENCODINGS)
        self.LABEL_ENCODING = label_encoding  # type: ignore[misc]
        prefix = dict(data_prefix or dict(img_path='images', seg_map_path='labels'))
        self._seen_suffixes = {'img_path': img_suffix, 'seg_map_path': seg_map_suffix}
        super().__init__(
            data_root,
            prefix,
            class_space=class_space,
            img_suffix=img_suffix or '',
            seg_map_suffix=seg_map_suffix or '',
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Build the index, once."""
        for kind in ('img_path', 'seg_map_path'):
            if self._has_folder(kind) and self._seen_suffixes[kind] is None:
                self._seen_suffixes[kind] = common_suffix(self.data_prefix[kind])
        self.img_suffix = self._seen_suffixes['img_path'] or '.png'
        self.seg_map_suffix = self._seen_suffixes['seg_map_path'] or '.png'
        return super().load_data_list()
