"""What an export says of itself."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

OUTPUTS = ('logits', 'probs', 'labels')
PREFIX = 'i2vda.'  # of the keys under which a model file keeps its card, beside the keys of others


class ModelCard(NamedTuple):
    """The metadata of an export, kept in its file: each field as JSON under ``i2vda.<field>``."""

    classes: tuple[str, ...]  # names by class index
    palette: tuple[tuple[int, int, int], ...]  # RGB in 0..255 by class index
    outputs: tuple[str, ...]  # in their order: 'logits' and 'probs' (N, C, H, W) float32, 'labels' (N, H, W) uint8
    input_type: str  # of 'frames' (N, 3, H, W), RGB in 0..255: 'uint8' or 'float32'
    mean: tuple[float, ...]  # subtracted inside the network, RGB
    std: tuple[float, ...]  # divided by inside the network, RGB
    test_size: tuple[int, int] | None  # (width, height) that the config resizes frames to; None: frames as they are
    keep_ratio: bool  # whether that is a box to fit into
    interpolation: str  # of that resizing: a library, 'pillow' or 'cv2', and its name there, such as 'pillow bicubic'
    align_corners: bool  # whether logits are resized with the outermost pixel centres coinciding
    protocol: str | None  # the evaluation protocol of its config, which says what the classes are
    precision: str  # 'fp32', 'fp16' or 'int8'
    checkpoint: str  # file name of the checkpoint it was made of
    sha256: str  # of that file
    version: str  # of this project

    def to_strings(self) -> dict[str, str]:
        """Write as what every model format can hold.

        Example:
            >>> sorted(EXAMPLE.to_strings())[:2], EXAMPLE.to_strings()['i2vda.classes']
            (['i2vda.align_corners', 'i2vda.checkpoint'], '["road", "sky"]')
        """
        return {PREFIX + name: json.dumps(value) for name, value in self._asdict().items()}

    @classmethod
    def from_strings(cls, strings: Mapping[str, str], path: str) -> Self:
        """Read from the metadata of the model file ``path``, which may hold other keys.

        Raises:
            ValueError: If it holds no card, as a model that other programs wrote.

        Example:
            >>> ModelCard.from_strings(EXAMPLE.to_strings(), 'a.onnx') == EXAMPLE
            True
        """
        missing = [name for name in cls._fields if PREFIX + name not in strings]
        if missing:
            raise ValueError(
                f'{path} was not written by this version of tools/export.py: its metadata lacks '
                f'{", ".join(PREFIX + name for name in missing[:3])}. Export the checkpoint (anew)'
            )
        try:
            return cls(**{name: _tuples(json.loads(strings[PREFIX + name])) for name in cls._fields})
        except json.JSONDecodeError as error:
            raise ValueError(f'{path}: its metadata is damaged ({error}). Export the checkpoint anew') from error


CARD_KEYS = tuple(PREFIX + name for name in ModelCard._fields)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


EXAMPLE = ModelCard(
    classes=('road', 'sky'), palette=((128, 64, 128), (70, 130, 180)), outputs=('logits',), input_type='uint8',
    mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4), test_size=(1024, 512), keep_ratio=False,
    interpolation='pillow bicubic', align_corners=True, protocol=None, precision='fp32', checkpoint='iter_6.pth',
    sha256='0' * 64, version='0',
)  # fmt: skip
