"""Loading of images and pairs of frames."""

from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.fileio.images import COLOURS, read_image


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Load an image as BGR uint8 with errors that name the file.

    Takes the place of mmcv's ``LoadImageFromFile``, whose message for an empty file does not name it and which passes
    truncated files on. The two return the same pixels for PNG, and for JPEG what Pillow decodes.

    Required keys: ``img_path``. Optional key: ``image_colours``, what the file may hold (see ``read_image``); by
    default RGB. Added keys: ``img`` ((H, W, 3), uint8, BGR), ``img_shape``, ``ori_shape``.

    Args:
        backend_args: File backend of mmengine; the local disk by default.

    Raises:
        OSError: If there is no such file, it is a folder, or it may not be read.
        ValueError: If it cannot be decoded, is damaged, or does not hold what is expected.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the image."""
        image = read_image(results['img_path'], self.backend_args, results.get('image_colours', COLOURS))
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results


@TRANSFORMS.register_module()
class LoadFramePair(BaseTransform):
    """Load two consecutive frames as BGR uint8, or as many as the sample names.

    Random steps must treat all frames alike: wrap them in a ``TransformBroadcaster`` with
    ``mapping=dict(img=['frame_0', 'frame_1'])``, ``auto_remap=True`` and ``share_random_params=True``. A label goes
    with them as ``gt_seg_map=['gt_seg_map', 'gt_seg_map']`` in the same mapping: once a frame, since random steps ask
    for it each time.

    Required keys: ``frame_paths`` (paths of I_0 and I_1). Optional key: ``image_colours``, as in ``LoadImage``.
    Added keys: ``frame_0``, ``frame_1``... ((H, W, 3), uint8, BGR), ``img_shape``, ``ori_shape``, ``only_last``.

    Args:
        backend_args: File backend of mmengine; the local disk by default.
        only_last: Whether the last frame alone is read, for methods of single frames. It stands under the keys of all
            frames; the key ``only_last`` tells ``TransformBroadcaster`` to treat the last one alone, and
            ``PackFramePair`` to pack no other.

    Raises:
        KeyError: If the sample is no pair.
        ValueError: If a frame cannot be decoded, or two of them differ in size.
    """

    def __init__(self, backend_args: dict | None = None, only_last: bool = False) -> None:
        self.only_last = only_last
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the frames."""
        if 'frame_paths' not in results:
            raise KeyError(
                "LoadFramePair needs 'frame_paths'; set pairs='labelled' or 'consecutive' in the data set, or "
                'previous_frame=True where its samples are labelled.'
            )
        colours = results.get('image_colours', COLOURS)
        paths = results['frame_paths']
        frames = [read_image(path, self.backend_args, colours) for path in (paths[-1:] if self.only_last else paths)]
        frames *= len(paths) // len(frames)
        shapes = [frame.shape[:2] for frame in frames]
        if len(set(shapes)) > 1:
            sizes = ', '.join(f'{path}: {w}x{h}' for path, (h, w) in zip(results['frame_paths'], shapes))
            raise ValueError(f'the frames of a pair must have the same size (width x height); {sizes}')
        results.update({f'frame_{i}': frame for i, frame in enumerate(frames)})
        results.update(img_shape=shapes[-1], ori_shape=shapes[-1], only_last=self.only_last)
        return results
