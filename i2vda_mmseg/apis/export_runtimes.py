"""From a checkpoint to a file that a runtime runs: ONNX, OpenVINO, torch.export."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config

from i2vda_mmseg.datasets.transforms.labels import LABEL_STEPS
from i2vda_mmseg.engine.executorch_program import EXECUTORCH_SUFFIX, require_executorch, save_executorch
from i2vda_mmseg.engine.exported_program import trace
from i2vda_mmseg.engine.exported_segmentor import open_export
from i2vda_mmseg.engine.frame_network import FrameNetwork
from i2vda_mmseg.engine.frame_predictor import find_test_dataset, read_metainfo
from i2vda_mmseg.errors import ConfigError, check_choice
from i2vda_mmseg.fileio.atomic import atomic_files
from i2vda_mmseg.runtime import ModelCard
from i2vda_mmseg.version import __version__

from .config_keys import scale_of
from .export_check import AGREEMENT, Batch, Comparison, compare, reference_batches, stack
from .export_formats import FORMATS, write_formats
from .testing import protocol_of

INPUT_TYPES = ('uint8', 'float32')
PRECISIONS = tuple(AGREEMENT)
_PACKAGES = {
    'onnx': ('onnx', 'onnxscript', 'onnxruntime'),
    'openvino': ('onnx', 'onnxscript', 'openvino'),
    'pt2': (),
    'executorch': (),
}
_STEPS = ('LoadImage', 'LoadImageFromFile', 'PackSegInputs', *LABEL_STEPS)  # what does nothing to the pixels
_TEST_SIZE = (512, 256)  # of a config that tests frames as they are


class ExportSettings(NamedTuple):
    """What is exported."""

    formats: tuple[str, ...] = ('onnx',)  # of ``FORMATS``
    outputs: tuple[str, ...] = ('logits',)  # of ``runtime.OUTPUTS``
    input_type: str = 'uint8'  # or 'float32', of frames in 0..255
    precision: str = 'fp32'  # or 'fp16'; or 'int8', calibrated on the frames
    calibration_frames: int = 32  # of them


def export_runtimes(
    config: Config,
    checkpoint: str | Path,
    out: str | Path,
    images: Sequence[np.ndarray],
    settings: ExportSettings = ExportSettings(),  # noqa: B008
    progress: Callable[[str], None] = lambda text: None,
) -> dict[Path, list[Comparison]]:
    """Export a checkpoint, run each export in its own runtime and compare it with PyTorch; all of it or nothing.

    Args:
        config: Of a method of single frames.
        checkpoint: Of the method, or of a plain ``EncoderDecoder``.
        out: File to write; each format gives it its own ending.
        images: Frames (H, W, 3), uint8, BGR, to compare on and for int8 to calibrate on; at least one.
        settings: What is exported.
        progress: Told what is being done.

    Returns:
        The files to open, each with its comparisons at two sizes and two batch sizes.

    Raises:
        ImportError: If a package that a format needs is not installed.
        ConfigError: If the network is of two frames, or the test pipeline changes frames otherwise than in size.
        ValueError: If the checkpoint does not fit, an operator of the network has no translation, or an export does
            not compute what the network computes.
    """
    _check(settings)
    network = FrameNetwork.load(config, checkpoint, settings.outputs)
    card = describe(config, network, checkpoint, settings)
    size = card.test_size or _TEST_SIZE
    progress('running the network in PyTorch')
    batches = _references(network, images, size, settings.input_type)
    example = stack(images, (size[0], size[1] + 32 * (size[0] == size[1])), 2)
    progress('tracing')
    if settings.precision == 'fp16':
        network = network.half()
    graphs = [name for name in settings.formats if name != 'executorch']  # which makes its own, of one size
    program = trace(network, example.to(batches[0].frames.dtype)) if graphs else None
    out, exported = Path(out), {}
    with atomic_files(out.parent, last='.xml') as draft:
        progress(f'writing {", ".join(settings.formats)}')
        calibration = calibration_batches(images, size, settings)
        if program is not None:
            write_formats(program, card, graphs, draft, calibration)
        if 'executorch' in settings.formats:
            save_executorch(network, card, size, draft / f'network{EXECUTORCH_SUFFIX}')
        for name in settings.formats:
            progress(f'comparing {name}')
            fitting = [each for each in batches if name in graphs or each.frames.shape[:1:-1] == size]
            export = open_export(draft / f'network{FORMATS[name]}')
            exported[_named(out, FORMATS[name])] = list(compare(export, fitting))
        _name_files(draft, out, settings.formats)
    return exported


def describe(config: Config, network: FrameNetwork, checkpoint: str | Path, settings: ExportSettings) -> ModelCard:
    """Collect what an export says of itself.

    Raises:
        ConfigError: If the test pipeline changes frames otherwise than in size.
    """
    dataset = find_test_dataset(config)
    metainfo, preprocessor = read_metainfo(dataset), network.model.data_preprocessor
    mean, std = (
        _rgb(getattr(preprocessor, name), preprocessor) if preprocessor._enable_normalize else (neutral,) * 3
        for name, neutral in (('mean', 0.0), ('std', 1.0))
    )
    size, keeps_ratio, interpolation = resizing_of(dataset.pipeline)
    return ModelCard(
        classes=tuple(metainfo['classes']), palette=tuple(tuple(colour) for colour in metainfo['palette']),
        outputs=settings.outputs, input_type=settings.input_type, mean=mean, std=std, test_size=size,
        keep_ratio=keeps_ratio, interpolation=interpolation, align_corners=bool(network.model.align_corners),
        protocol=protocol_of(config), precision=settings.precision, checkpoint=Path(checkpoint).name,
        sha256=hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest(), version=__version__,
    )  # fmt: skip


def calibration_batches(
    images: Sequence[np.ndarray], size: tuple[int, int], settings: ExportSettings
) -> Iterator[np.ndarray]:
    """Give frames one by one, (1, 3, H, W), of the input's type, as int8 is calibrated on."""
    for image in images[: settings.calibration_frames]:
        yield stack([image], size, 1).numpy().astype(settings.input_type)


def _check(settings: ExportSettings) -> None:
    for name in settings.formats:
        check_choice('format', name, tuple(FORMATS))
        for package in _PACKAGES[name]:
            try:
                import_module(package)
            except ImportError as error:
                raise ImportError(
                    f'format {name} needs {package}, which cannot be imported ({error}). Run: '
                    "pip install 'i2vda_mmseg[export]'"
                ) from error
    if 'executorch' in settings.formats:
        require_executorch()
    check_choice('input type', settings.input_type, INPUT_TYPES)
    check_choice('precision', settings.precision, PRECISIONS)
    if settings.precision == 'int8' and 'pt2' in settings.formats:
        raise ValueError('precision int8 is made of ONNX graphs, and torch.export has none; leave out pt2')
    if settings.precision != 'fp32' and 'executorch' in settings.formats:
        raise ValueError(f'format executorch is of precision fp32, not {settings.precision}; leave one of them out')


def _references(network: FrameNetwork, images: Sequence[np.ndarray], size: tuple[int, int], kind: str) -> list[Batch]:
    outputs, network.outputs = network.outputs, ('logits',)
    batches = reference_batches(network, images, size)
    network.outputs = outputs
    return batches if kind == 'uint8' else [Batch(frames.float(), logits) for frames, logits in batches]


def _name_files(draft: Path, out: Path, formats: Sequence[str]) -> None:
    """Leave in the draft what was asked for, under its name; weights that lie beside an ONNX file keep theirs."""
    endings = {FORMATS[name] for name in formats} | ({'.bin'} if 'openvino' in formats else set())
    for file in list(draft.iterdir()):
        if file.suffix in endings or ('onnx' in formats and file.name.endswith('.onnx.data')):
            file.rename(draft / _named(out, file.name.removeprefix('network')).name)
        else:
            file.unlink()


def _named(out: Path, ending: str) -> Path:
    return out.with_name((out.stem if out.suffix in {*FORMATS.values(), '.pth'} else out.name) + ending)


def _rgb(values: Any, preprocessor: Any) -> tuple[float, ...]:
    """Bring a statistic of the network's channels to the order RGB."""
    numbers = [round(float(value), 6) for value in values.flatten()]
    return tuple(numbers if preprocessor._channel_conversion else numbers[::-1])


def resizing_of(pipeline: Sequence[Any]) -> tuple[tuple[int, int] | None, bool, str]:
    """Read from a test pipeline the (width, height) to test at, whether it is a box to fit into, and how to resize."""
    steps = [step for step in pipeline if step['type'] not in _STEPS]
    for step in steps:
        if scale_of(step) is None:
            raise ConfigError(
                f"the test pipeline's step {step['type']} changes frames, and an export is given them as they are, at "
                'most resized by Resize(scale=(width, height)); leave it out of the test pipeline'
            )
    if not steps:
        return None, False, 'pillow bilinear'
    step = steps[-1]
    how = f'{step.get("backend", "cv2")} {step.get("interpolation", "bilinear")}'
    return scale_of(step), bool(step.get('keep_ratio', False)), how
