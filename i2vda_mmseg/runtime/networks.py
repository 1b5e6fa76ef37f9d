"""Exported networks in their own runtimes, behind one call."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .card import CARD_KEYS, ModelCard

_PLACE = re.compile(r'/onnxruntime_src/\S+:\d+ [^\n]*\) ')  # where in its C++ ONNX Runtime noticed it
_OPENVINO_PLACE = re.compile(r'Exception from \S+:\d+:')
Outputs = dict[str, np.ndarray]


class RuntimeOptions(NamedTuple):
    """How a network is run."""

    threads: int | None = None  # for the operators; None: as many as the runtime thinks best
    providers: tuple[str, ...] = ()  # ONNX Runtime: execution providers in order of preference; (): the CPU
    device: str = 'CPU'  # OpenVINO: where it is compiled for
    settings: tuple[tuple[str, str], ...] = ()  # OpenVINO's properties, ONNX Runtime's session config entries


class ExportedNetwork:
    """A network that ``tools/export.py`` wrote.

    Args:
        path: The file.
        card: What it says of itself.
        run: Runs it: frames to its outputs, in the order of ``card.outputs``.
        runtime: Name of what runs it.
    """

    def __init__(
        self, path: Path, card: ModelCard, run: Callable[[np.ndarray], list[np.ndarray]], runtime: str
    ) -> None:
        self.path, self.card, self.runtime = path, card, runtime
        self._run = run

    def __call__(self, frames: np.ndarray) -> Outputs:
        """Run it.

        Args:
            frames: (N, 3, H, W), RGB in 0..255, any integer or floating type.

        Returns:
            By name, those of ``card.outputs``: 'logits' or 'probs' (N, C, H, W) float32, 'labels' (N, H, W) uint8.

        Raises:
            ValueError: If ``frames`` has another shape, or the runtime refuses them.
        """
        if frames.ndim != 4 or frames.shape[1] != 3:
            raise ValueError(f'{self.path}: frames must be (N, 3, H, W), got {frames.shape}')
        try:
            results = self._run(np.ascontiguousarray(frames, dtype=self.card.input_type))
        except Exception as error:  # each runtime has its own classes
            raise ValueError(
                f'{self.path} cannot label frames of {frames.shape[3]}x{frames.shape[2]} in {self.runtime}: '
                f'{first_line(error)}'
            ) from error
        return dict(zip(self.card.outputs, results))


def open_network(path: str | Path, options: RuntimeOptions = RuntimeOptions()) -> ExportedNetwork:  # noqa: B008
    """Load an export.

    Args:
        path: ``.onnx`` for ONNX Runtime, ``.xml`` for OpenVINO; what lies beside it (weights) must have come along.
        options: How it is run.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If its runtime is not installed.
        ValueError: If the file has another ending, is damaged, incomplete, or no export of this project.
    """
    path = Path(path)
    if path.suffix not in _LOADERS:
        raise ValueError(f'{path}: exported networks end in {" or ".join(_LOADERS)}')
    if not path.is_file():
        raise FileNotFoundError(f'no exported network at {path}')
    return _LOADERS[path.suffix](path, options)


def first_line(error: BaseException) -> str:
    r"""Shorten what a runtime says, which may be a page.

    Example:
        >>> first_line(RuntimeError('a\n  at b')), first_line(KeyError())
        ('a', 'KeyError')
    """
    text = _PLACE.sub('', str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _OPENVINO_PLACE.fullmatch(line.strip())]
    return lines[0][:300] if lines else type(error).__name__


def _load_onnx(path: Path, options: RuntimeOptions) -> ExportedNetwork:
    library = _runtime('onnxruntime', 'onnxruntime')
    session_options = library.SessionOptions()
    session_options.log_severity_level = 3  # errors; its warnings are about graphs, not about what a user can change
    session_options.intra_op_num_threads = options.threads or 0
    for name, value in options.settings:
        session_options.add_session_config_entry(name, value)
    providers = list(options.providers or ('CPUExecutionProvider',))
    if unknown := set(providers) - set(library.get_available_providers()):
        raise ValueError(
            f'ONNX Runtime has no {", ".join(sorted(unknown))} here, but {", ".join(library.get_available_providers())}'
        )
    try:
        session = library.InferenceSession(str(path), session_options, providers=providers)
    except Exception as error:  # Fail, InvalidProtobuf, InvalidGraph, NotImplemented...
        raise ValueError(_broken(path, 'ONNX Runtime', error)) from error
    card = ModelCard.from_strings(session.get_modelmeta().custom_metadata_map, str(path))
    return ExportedNetwork(
        path, card, lambda frames: session.run(list(card.outputs), {'frames': frames}), 'ONNX Runtime'
    )


def _load_openvino(path: Path, options: RuntimeOptions) -> ExportedNetwork:
    library = _runtime('openvino', 'openvino')
    if not path.with_suffix('.bin').is_file():
        raise ValueError(f'{path} has no weights: {path.with_suffix(".bin").name} must lie beside it')
    core = library.Core()
    settings: dict[str, Any] = {'INFERENCE_PRECISION_HINT': 'f32'} if options.device == 'CPU' else {}
    settings |= {'INFERENCE_NUM_THREADS': options.threads} if options.threads else {}
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, options.device, settings | dict(options.settings))
    except Exception as error:  # RuntimeError and what its frontends raise
        raise ValueError(_broken(path, 'OpenVINO', error)) from error
    places = {key: key.split('.') for key in CARD_KEYS}
    strings = {key: model.get_rt_info(place).astype(str) for key, place in places.items() if model.has_rt_info(place)}
    card = ModelCard.from_strings(strings, str(path))
    request = compiled.create_infer_request()
    return ExportedNetwork(path, card, lambda frames: _infer(request, frames, card), 'OpenVINO')


def _infer(request: Any, frames: np.ndarray, card: ModelCard) -> list[np.ndarray]:
    results = request.infer({'frames': frames}, share_inputs=True)  # the results are copied: the next call reuses them
    return [results[name] for name in card.outputs]


def _runtime(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{package} is needed and cannot be imported ({error}). Run: pip install {package}'
        ) from error


def _broken(path: Path, runtime: str, error: Exception) -> str:
    beside = path.with_name(path.name + '.data')
    advice = f'with {beside.name} beside it' if beside.exists() or beside.name in str(error) else 'whole'
    return f'{path} cannot be loaded by {runtime}: {first_line(error)}. Copy it again, {advice}, or export anew'


_LOADERS: dict[str, Callable[[Path, RuntimeOptions], ExportedNetwork]] = {'.onnx': _load_onnx, '.xml': _load_openvino}
SUFFIXES = tuple(_LOADERS)
