"""Exported networks on a vehicle: frames in, labels out, without torch.

Everything here needs numpy, PyAV and what runs the network, ONNX Runtime or OpenVINO:
``pip install i2vda_mmseg[runtime]``.
"""

from .card import OUTPUTS, ModelCard
from .labeller import FrameLabeller
from .networks import SUFFIXES, ExportedNetwork, RuntimeOptions, open_network
from .smoothing import ProbabilitySmoother, SmoothedLabeller

__all__ = [
    'OUTPUTS', 'SUFFIXES', 'ExportedNetwork', 'FrameLabeller', 'ModelCard', 'ProbabilitySmoother', 'RuntimeOptions',
    'SmoothedLabeller', 'open_network',
]  # fmt: skip
