"""Exports of torch.export, run like those of other runtimes."""

import inspect
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.export import Dim, ExportedProgram

from i2vda_mmseg.compat import quiet_libraries
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.runtime import ExportedNetwork, ModelCard, RuntimeOptions

from .frame_network import FrameNetwork

SUFFIX = '.pt2'
_CARD = 'i2vda.json'
_USED = re.compile(r'target=torch\.ops\.(\w+\.\w+)')  # of the node that ONNX's exporter could not translate


def trace(network: FrameNetwork, frames: torch.Tensor) -> ExportedProgram:
    """Turn a network into one graph for any number of frames of any size.

    Args:
        network: On the CPU.
        frames: (N, 3, H, W), N > 1, all sizes different: equal ones would be taken for one and the same.

    Raises:
        ValueError: If it has no such graph; the message says what stands in its way.
    """
    sizes = {0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO}
    try:
        with torch.no_grad(), quiet_libraries(), pooling_by_matrices():
            program = torch.export.export(network, (frames,), dynamic_shapes=dict(frames=sizes), strict=False)
    except Exception as error:  # torch has a class for each reason, most of them private
        raise ValueError(f'torch.export finds no graph of the network: {reason(error)}') from error
    (traced,) = (node for node in program.graph.nodes if node.name == program.graph_signature.user_inputs[0])
    names = ('number of frames', 'channels', 'height', 'width')
    fixed = [names[i] for i in sizes if isinstance(traced.meta['val'].shape[i], int)]
    if fixed:
        raise ValueError(f'torch.export finds no graph of the network for any {" and ".join(fixed)}: its code fixes it')
    return program


@contextmanager
def pooling_by_matrices() -> Iterator[None]:
    """Let adaptive pooling be traced for any size: torch unrolls it into the bins of one size."""
    before = F.adaptive_avg_pool2d
    F.adaptive_avg_pool2d = adaptive_average  # type: ignore[assignment]
    try:
        yield
    finally:
        F.adaptive_avg_pool2d = before


def adaptive_average(x: torch.Tensor, output_size: Any) -> torch.Tensor:
    """Compute ``F.adaptive_avg_pool2d`` by two multiplications with matrices that average the rows, then the columns.

    Args:
        x: (N, C, H, W) or (C, H, W).
        output_size: A number or (height, width); None: as ``x`` has it.
    """
    sizes = (output_size,) * 2 if isinstance(output_size, int | None) else tuple(output_size)
    rows, columns = (_bins(x, dim, size) for dim, size in zip((-2, -1), sizes))
    x = x if rows is None else rows @ x
    return x if columns is None else x @ columns.transpose(0, 1)


def _bins(x: torch.Tensor, dim: int, size: int | None) -> torch.Tensor | None:
    """The matrix (size, length) whose row i averages from floor(i length / size) to ceil((i + 1) length / size)."""
    if size is None:
        return None
    length = x.shape[dim]
    index = torch.arange(size, device=x.device)[:, None]
    first, end = index * length // size, ((index + 1) * length + size - 1) // size
    place = torch.arange(length, device=x.device)
    return ((place >= first) & (place < end)).to(x.dtype) / (end - first).to(x.dtype)


def save_program(program: ExportedProgram, card: ModelCard, path: Path) -> None:
    """Write a ``.pt2`` file, its card inside.

    Raises:
        ValueError: If a node of the graph cannot be written; the message says which.
    """
    buffer, extra = io.BytesIO(), {_CARD: json.dumps(card.to_strings())}
    try:
        torch.export.save(program, buffer, extra_files=extra)
    except Exception as error:  # a class of torch's that is private
        raise ValueError(f'torch.export cannot write the graph of the network: {reason(error)}') from error
    write_atomically(buffer.getvalue(), path)


def open_program(path: str | Path, options: RuntimeOptions = RuntimeOptions()) -> ExportedNetwork:  # noqa: B008
    """Load a ``.pt2`` file; of the options, the number of threads and the device (CPU or CUDA) count.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no export of this project.
    """
    path, device = Path(path), options.device.lower()
    if not path.is_file():
        raise FileNotFoundError(f'no exported network at {path}')
    extra = {_CARD: ''}
    try:
        program = torch.export.load(path, extra_files=extra)
    except Exception as error:  # of its archive, its JSON or its tensors
        message = f'{path} cannot be loaded by torch.export: {reason(error)}. Copy it again, whole, or export anew'
        raise ValueError(message) from error
    card = ModelCard.from_strings(json.loads(extra[_CARD] or '{}'), str(path))
    if options.threads:
        torch.set_num_threads(options.threads)
    # Its guards say more than holds, such as that there is more than one frame: what was traced with several. Whether
    # the graph is right without them is what the comparison at export is for.
    unguarded = {'check_guards': False} if 'check_guards' in inspect.signature(program.module).parameters else {}
    module = program.module(**unguarded).to(device)

    @torch.no_grad()
    def _run(frames: np.ndarray) -> list[np.ndarray]:
        return [output.cpu().numpy() for output in module(torch.from_numpy(frames).to(device))]

    return ExportedNetwork(path, card, _run, 'torch.export')


def reason(error: BaseException) -> str:
    """Say in a line why an exporter gave up: the operator that it does not know, or the first sentence of its cause.

    Example:
        >>> reason(RuntimeError("No function for <OpOverload(op='aten.foo', overload='default')>"))
        'it has no translation of the operator aten.foo'
    """
    chain: list[Any] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    for each in reversed(chain):
        text = str(each)
        if "OpOverload(op='" in text:
            operator = text.split("OpOverload(op='")[1].split("'", maxsplit=1)[0]
            return f'it has no translation of the operator {operator}'
    used = [found[1] for each in chain if (found := _USED.search(str(each)))]
    lines = [line.strip() for line in str(chain[-1]).splitlines() if line.strip()]
    line = (lines[0] if lines else type(chain[-1]).__name__)[:300]
    return f'it cannot translate this use of the operator {used[-1]} ({line})' if used else line
