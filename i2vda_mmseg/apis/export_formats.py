"""One graph of a network as files of several formats."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from i2vda_mmseg.compat import quiet_libraries
from i2vda_mmseg.engine.executorch_program import EXECUTORCH_SUFFIX
from i2vda_mmseg.engine.exported_program import SUFFIX, reason, save_program
from i2vda_mmseg.runtime import ModelCard

# By their names: the ending of the file to open.
FORMATS = {'onnx': '.onnx', 'openvino': '.xml', 'pt2': SUFFIX, 'executorch': EXECUTORCH_SUFFIX}
_LIMIT = 1_900_000_000  # bytes: protobuf, which ONNX is, ends at 2 GiB; larger weights go beside it


def write_formats(
    program: ExportedProgram, card: ModelCard, formats: Sequence[str], draft: Path, calibration: Iterable[np.ndarray]
) -> None:
    """Write the graph into a folder, under the names ``network.<ending>``; with 'openvino' always ONNX as well.

    Args:
        program: Of a ``FrameNetwork``.
        card: What the files say of themselves. Where its precision is 'int8', the ONNX graph is quantised.
        formats: Of ``FORMATS``.
        draft: The folder.
        calibration: Batches of frames (N, 3, H, W), of the type of the network's input, that show the ranges of its
            activations; for int8.

    Raises:
        ValueError: If a format does not have an operator of the network.
    """
    if 'pt2' in formats:
        save_program(program, card, draft / f'network{SUFFIX}')
    if {'onnx', 'openvino'} & set(formats):
        path = draft / 'network.onnx'
        _write_onnx(program, card, path)
        if card.precision == 'int8':
            _quantise(path, calibration)
        if 'openvino' in formats:
            _write_openvino(path, card)


def _write_onnx(program: ExportedProgram, card: ModelCard, path: Path) -> None:
    sizes = {0: 'batch', 2: 'height', 3: 'width'}
    try:
        with quiet_libraries():
            written: Any = torch.onnx.export(
                program, (), input_names=['frames'], output_names=list(card.outputs),
                dynamic_shapes=dict(frames=sizes), dynamo=True, verbose=False,
            )  # fmt: skip
    except Exception as error:  # ConversionError, of a private module, and what it is raised from
        raise ValueError(f'ONNX cannot hold the network: {reason(error)}') from error
    written.model.metadata_props.update(card.to_strings())
    written.save(str(path), external_data=sum(tensor.nbytes for tensor in program.state_dict.values()) > _LIMIT)


def _write_openvino(path: Path, card: ModelCard) -> None:
    import openvino  # noqa: PLC0415 - an extra

    try:
        model = openvino.Core().read_model(path)
    except Exception as error:  # of its frontends
        raise ValueError(f'OpenVINO cannot hold the network: {reason(error)}') from error
    for key, value in card.to_strings().items():
        model.set_rt_info(value, key.split('.'))
    openvino.save_model(model, path.with_suffix('.xml'), compress_to_fp16=card.precision == 'fp16')


def _quantise(path: Path, calibration: Iterable[np.ndarray]) -> None:
    """Make weights and activations integers of 8 bits, in place: static, per channel, by the ranges on the frames."""
    from onnxruntime import quantization  # noqa: PLC0415 - an extra

    batches = iter(calibration)

    class _Frames(quantization.CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            """Give a batch, or None at the end."""
            batch = next(batches, None)
            return None if batch is None else {'frames': batch}

    quantised = path.with_name('quantised.onnx')
    with quiet_libraries():
        quantization.quantize_static(
            path, quantised, _Frames(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            extra_options=dict(ActivationSymmetric=False, WeightSymmetric=True),
        )  # fmt: skip
    quantised.replace(path)
