"""Fourier domain adaptation of a source image to a target image."""

from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.ops import swap_low_frequencies


@TRANSFORMS.register_module()
class SpectrumTransfer(BaseTransform):
    """Give the source image the low-frequency amplitudes of the target image I_1, as FDA does.

    A step of ``DomainPairDataset``'s ``joint_pipeline``: works on the packed sample of both domains, on raw images,
    before any mean is subtracted.

    Required keys: ``source.inputs`` ((3, H, W), BGR 0..255), ``target.inputs`` ((2, 3, H, W), BGR 0..255).
    Modified keys: ``source.inputs``, float32 and not clamped to 0..255.

    Args:
        beta: Side of the swapped corners of the spectrum, as a share of the shorter side; the paper averages networks
            trained with 0.01, 0.05 and 0.09. 0 changes nothing.
        half_spectrum: Whether the spectrum is transformed back as in the released training, see
            ``ops.swap_low_frequencies``.

    Raises:
        ValueError: If ``beta`` leaves [0, 1], or the images differ in size.
    """

    def __init__(self, beta: float, half_spectrum: bool = False) -> None:
        if not 0 <= beta <= 1:
            raise ValueError(f'beta must lie in [0, 1], got {beta}')
        self.beta = beta
        self.half_spectrum = half_spectrum

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace the source image."""
        source, target = results['source']['inputs'], results['target']['inputs'][-1]
        if source.shape != target.shape:
            (height, width), (target_height, target_width) = source.shape[-2:], target.shape[-2:]
            raise ValueError(
                f'SpectrumTransfer: the source image has {width}x{height} pixels, the target image '
                f'{target_width}x{target_height} (width x height); end the source pipeline with '
                f"dict(type='RandomCrop', crop_size=({target_height}, {target_width})) before it packs, or resize"
            )
        transferred = swap_low_frequencies(source.float(), target.float(), self.beta, self.half_spectrum)
        return {**results, 'source': {**results['source'], 'inputs': transferred}}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(beta={self.beta}, half_spectrum={self.half_spectrum})'
