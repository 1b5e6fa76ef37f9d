"""SYNTHIA-SEQS-04-DAWN (Ros et al., CVPR 2016): a rendered drive at dawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from mmseg.registry import DATASETS

from .class_spaces import CLASSES_12, PALETTE_12, SYNTHIA_RAW_IDS, SYNTHIA_TO_12
from .raw_label_dataset import RawLabelDataset

ORIGINAL = {'img_path': 'RGB/Stereo_Left/Omni_F', 'seg_map_path': 'GT/LABELS/Stereo_Left/Omni_F'}
REARRANGED = {'img_path': 'rgb', 'seg_map_path': 'label'}


@DATASETS.register_module()
class SynthiaSeqDataset(RawLabelDataset):
    """SYNTHIA-SEQS-04-DAWN in 12 classes (table of DA-VSN, Guan et al., ICCV 2021); lane markings are ignored.

    Both the layout of the download and the re-arranged one of DA-VSN's code are read; the folders that are there
    decide. Labels are PNGs of several channels with the raw id in R and the instance in G: mmseg's ``LoadAnnotations``
    cannot read them, ``LoadRawLabels`` can.

    Args:
        data_root: Folder ``SEQS-04-DAWN``.
        ann_file: List of lines like ``000001.png`` (the suffix may be missing), relative to ``data_root``.
        data_prefix: Folders ``img_path`` and ``seg_map_path``; None detects the layout.
        img_suffix: Ending of the images.
        **kwargs: ``previous_frame`` (see ``RawLabelDataset``; 849 of the 850 frames, as in DA-VSN's list), and
            arguments of mmseg's ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If a folder, an image or a label is missing; the message shows the layouts.
    """

    METAINFO: ClassVar[dict] = {'classes': CLASSES_12, 'palette': PALETTE_12}
    RAW_IDS = tuple(SYNTHIA_RAW_IDS.values())
    RAW_TO_CLASS = SYNTHIA_TO_12
    LABEL_ENCODING = 'red16'
    IMAGE_COLOURS = ('RGB', 'RGBA')  # sets of this family come with an opaque alpha channel
    LAYOUT = (
        'data_root/                              (SEQS-04-DAWN, as downloaded)\n'
        '  RGB/Stereo_Left/Omni_F/000000.png\n'
        '  GT/LABELS/Stereo_Left/Omni_F/000000.png  (raw id in the red channel)\n'
        "or, as DA-VSN's code arranges it,\n"
        'data_root/\n'
        '  rgb/000001.png\n'
        '  label/000001.png'
    )

    def __init__(
        self,
        data_root: str,
        ann_file: str = '',
        data_prefix: Mapping[str, str] | None = None,
        img_suffix: str = '.png',
        **kwargs: Any,
    ) -> None:
        prefix = data_prefix or self._detect_layout(data_root)
        super().__init__(data_root, prefix, ann_file, img_suffix=img_suffix, **kwargs)

    @staticmethod
    def _detect_layout(data_root: str) -> dict[str, str]:
        root = Path(data_root)
        # The deep folder is asked for first: where case does not matter, 'rgb' is 'RGB'.
        is_rearranged = not (root / ORIGINAL['img_path']).is_dir() and (root / REARRANGED['img_path']).is_dir()
        return REARRANGED if is_rearranged else ORIGINAL
