"""Frames of videos in anybody's folders, without labels."""

from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from .cityscapes_seq import CityscapesSeqDataset
from .labelled_folder import common_suffix


@DATASETS.register_module()
class FrameFolderDataset(CityscapesSeqDataset):
    """Unlabelled frames of videos in folders, as pairs of frames that follow each other.

    Which frames do is told by the numbers in their names, see ``fileio.frames``; pairs never cross from one clip to the
    next.

    Args:
        data_root: Folder of the frames, or of folders of frames.
        class_space: Whose classes the network predicts, as ``class_space_of`` takes them; no label is read.
        frames: Number of frames of a sample.
        stride: How many frames the frames of a sample are apart: more for videos of many frames a second.
        img_suffix: Ending of the frames; None: that of most pictures there.
        **kwargs: ``ann_file``, ``pseudo_label_root`` of ``CityscapesSeqDataset``, and arguments of ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If there is no such folder, or no frames that follow each other.
    """

    LAYOUT = 'data_root/\n  drive_1/000001.jpg    (any names with the frame number last)\n  drive_1/000002.jpg'
    ADVICE = 'Set data_root to the folder of the frames.'

    def __init__(
        self,
        data_root: str,
        class_space: Any,
        frames: int = 2,
        stride: int = 1,
        img_suffix: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._finds_suffix = img_suffix is None
        super().__init__(
            data_root,
            class_space=class_space,
            pairs='consecutive',
            frames=frames,
            stride=stride,
            img_suffix=img_suffix or '.png',
            data_prefix=dict(img_path=''),
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Build the index, once."""
        if self._finds_suffix and Path(self.data_prefix['img_path']).is_dir():
            self.img_suffix = common_suffix(self.data_prefix['img_path'])
        return super().load_data_list()
