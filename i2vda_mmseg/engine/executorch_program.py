"""Exports of ExecuTorch, for phones and small boards: frames of one size, one at a time."""

import io
import json
import logging
from collections.abc import Callable
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from i2vda_mmseg.compat import quiet_libraries
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.runtime import ExportedNetwork, ModelCard, RuntimeOptions

from .exported_program import reason
from .frame_network import FrameNetwork

EXECUTORCH_SUFFIX = '.pte'
INSTALL = "pip install 'i2vda_mmseg[executorch]'"
_CARD = 'i2vda_card'  # a method that gives the card, as JSON in bytes


def require_executorch() -> None:
    """Raise ImportError, naming the command to run, if ExecuTorch cannot be imported."""
    _library('executorch.exir')


def save_executorch(network: FrameNetwork, card: ModelCard, size: tuple[int, int], path: Path) -> None:
    """Write a ``.pte`` file for XNNPACK, ExecuTorch's kernels for CPUs.

    Args:
        network: On the CPU, in float32.
        card: What the file says of itself.
        size: (width, height) of the frames that it will take, and no others: its memory is planned when it is written.
        path: The file.

    Raises:
        ValueError: If ExecuTorch does not have an operator of the network.
    """
    exir, xnnpack = _library('executorch.exir'), _library('executorch.backends.xnnpack.partition.xnnpack_partitioner')
    frames = torch.zeros(1, 3, size[1], size[0], dtype=getattr(torch, card.input_type))
    facts = torch.tensor(list(json.dumps(card.to_strings()).encode()), dtype=torch.uint8)
    try:
        with torch.no_grad(), quiet_libraries():
            program = torch.export.export(network, (frames,), strict=False)
            lowered = exir.to_edge_transform_and_lower(
                program, partitioner=[xnnpack.XnnpackPartitioner()], constant_methods={_CARD: facts}
            )
            buffer = lowered.to_executorch().buffer
    except Exception as error:  # of its passes and of its verifier
        raise ValueError(f'ExecuTorch cannot hold the network: {reason(error)}') from error
    write_atomically(buffer, path)


def open_executorch(path: str | Path, options: RuntimeOptions = RuntimeOptions()) -> ExportedNetwork:  # noqa: B008
    """Load a ``.pte`` file; of the options, the number of threads counts.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If ExecuTorch is not installed.
        ValueError: If the file is damaged or no export of this project.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no exported network at {path}')
    runtime = _library('executorch.runtime').Runtime.get()
    if options.threads:
        _library('executorch.extension.pybindings.portable_lib')._unsafe_reset_threadpool(options.threads)
    try:
        program = runtime.load_program(path)
        method = program.load_method('forward')
    except Exception as error:
        message = f'{path} cannot be loaded by ExecuTorch: {reason(error)}. Copy it again, whole, or export anew'
        raise ValueError(message) from error
    facts = program.load_method(_CARD).execute([])[0] if _CARD in program.method_names else None
    strings = {} if facts is None else json.loads(bytes(facts.numpy()))
    return ExportedNetwork(path, ModelCard.from_strings(strings, str(path)), _runner(program, method), 'ExecuTorch')


def _runner(program: Any, method: Any) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Run frame by frame; the program stays in memory as long as its method, which reads its weights there."""

    def _run(frames: np.ndarray) -> list[np.ndarray]:
        assert program is not None
        results = [
            [output.numpy().copy() for output in method.execute([torch.from_numpy(frames[i : i + 1])])]
            for i in range(len(frames))
        ]
        return [np.concatenate(column) for column in zip(*results)]

    return _run


def _library(name: str) -> Any:
    logging.getLogger('torchao').setLevel(logging.ERROR)  # its kernels for other machines do not load here
    try:
        with redirect_stderr(io.StringIO()), quiet_libraries():
            return import_module(name)
    except ImportError as error:
        raise ImportError(
            f'format executorch needs ExecuTorch, which cannot be imported ({error}). Run: {INSTALL}'
        ) from error
