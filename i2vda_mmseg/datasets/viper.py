"""VIPER (Richter et al., ICCV 2017): frames of a game with dense labels."""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.logging import print_log
from mmseg.registry import DATASETS

from .class_spaces import CLASSES_15, PALETTE_15, VIPER_RAW_IDS, VIPER_TO_15
from .raw_label_dataset import RawLabelDataset


@DATASETS.register_module()
class ViperDataset(RawLabelDataset):
    """VIPER in the 15 classes that it shares with Cityscapes (table of DA-VSN, Guan et al., ICCV 2021).

    Labels are palette PNGs whose *indices* are the raw ids 0..31, so that mmseg's ``LoadAnnotations`` reads them too
    (its default backend is Pillow). VIPER is downloaded in archives by the last digit of the frame number. Images whose
    digit came without labels (images ``*[0-9]``, labels ``*0``) are left out of the index; an image without a label
    among the digits that have labels is an error, and so is every label without an image.

    Args:
        data_root: Folder that holds ``train``.
        split: Folder below ``data_root``; ignored where ``data_prefix`` is given.
        ann_file: List of lines like ``001/001_00010.jpg`` (the suffix may be missing), relative to ``data_root``.
        data_prefix: Folders ``img_path`` and ``seg_map_path``, by default ``{split}/img`` and ``{split}/cls``.
        **kwargs: ``previous_frame`` (see ``RawLabelDataset``; images ``*9`` beside labels ``*0``), and arguments of
            mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If a folder, an image or a label is missing; the message shows the layout.
    """

    METAINFO: ClassVar[dict] = {'classes': CLASSES_15, 'palette': PALETTE_15}
    RAW_IDS = tuple(VIPER_RAW_IDS.values())
    RAW_TO_CLASS = VIPER_TO_15
    LAYOUT = (
        'data_root/\n'
        '  train/\n'
        '    img/001/001_00010.jpg    (sequence of 3 digits, frame of 5)\n'
        '    cls/001/001_00010.png    (palette PNG, index = raw id 0..31)'
    )

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        ann_file: str = '',
        data_prefix: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.split = split
        prefix = data_prefix or {'img_path': f'{split}/img', 'seg_map_path': f'{split}/cls'}
        super().__init__(data_root, prefix, ann_file, **kwargs)

    def _images_to_label(self, images: set[str], labels: set[str]) -> set[str]:
        """Images whose last digit came with labels."""
        digits = {name[-1] for name in labels}
        needed = {name for name in images if name[-1] in digits}
        if needed < images and not self.previous_frame:
            print_log(
                f'{type(self).__name__}: {len(images) - len(needed)} of {len(images)} images are left out: no label '
                f'whose number ends like theirs is there, only such ending in {", ".join(sorted(digits))}',
                logger='current',
                level=logging.WARNING,
            )
        return needed
