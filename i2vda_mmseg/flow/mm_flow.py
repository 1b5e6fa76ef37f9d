"""FlowNet2, PWC-Net, RAFT and the other networks of mmflow."""

from collections.abc import Sequence
from contextlib import nullcontext
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from warnings import warn

import torch
from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.compat import compiled_correlation, importable_mmflow, quiet_meshgrid, return_flow_fields
from i2vda_mmseg.fileio.checkpoint_reading import DamagedCheckpointError, read_checkpoint

from .base import FlowEstimator
from .models import NETWORKS, WEIGHTS, padding_of
from .models.layers import Correlation, InputNormalization
from .models.speed import Shortcuts, lay_out, without_waste

_INSTALL = 'python -m pip install mmflow==1.0.0rc0'
_CORRELATIONS = ('auto', 'mmcv', 'torch')


@MODELS.register_module()
class MMFlow(FlowEstimator):
    """Any estimator of mmflow 1.0.0rc0.

    Computes in float32 also under autocast: half precision would round the flow itself. On a CPU, FlowNet2 keeps the
    memory of what it joins for the next call: 0.55 GB for a pair of 512x1024.

    Args:
        model: 'flownet2', 'gma', 'liteflownet2', 'pwcnet' or 'raft', built as in mmflow's published configs;
            'flownet2_nvidia', for NVIDIA's own weights of FlowNet2 after ``tools/model_converters/flownet2_nvidia.py``;
            or the ``model`` dict of a config of mmflow.
        checkpoint: File with the network's weights, bare or under 'state_dict', which must fit it exactly. None:
            random weights, with a warning.
        correlation: Layer that compares two feature maps. 'mmcv': its compiled operator. 'torch': plain PyTorch.
            'auto': 'mmcv' where it was built, else 'torch'. The log says which. RAFT and GMA have no such layer.
        max_batch: Pairs that the network sees at a time; a larger batch is cut, to bound memory.
        size_divisor: Frames are padded to multiples of it. None: what the network needs.
        min_size: Frames are padded to at least this height and width. None: what the network needs.

    Raises:
        ImportError: If mmflow is not installed, or ``correlation='mmcv'`` and mmcv has no compiled operators.
        FileNotFoundError: If there is no file ``checkpoint``.
        ValueError: If ``model`` or ``correlation`` is unknown, ``max_batch`` is below 1, or the weights do not fit.
    """

    WITHOUT_EFFECT = ('correlation', 'max_batch')  # on the flow, but for rounding

    def __init__(
        self,
        model: str | dict,
        checkpoint: str | Path | None = None,
        correlation: str = 'auto',
        max_batch: int = 4,
        size_divisor: int | None = None,
        min_size: int | None = None,
    ) -> None:
        cfg = _network_cfg(model)
        divisor, smallest = padding_of(cfg['type'].removeprefix('mmflow.'))
        super().__init__(size_divisor or divisor, min_size or smallest)
        if max_batch < 1:
            raise ValueError(f'max_batch must be at least 1, got {max_batch!r}')
        self.model = model
        self.checkpoint = checkpoint
        self.correlation = correlation
        self.max_batch = max_batch
        weights = None if checkpoint is None else _read_weights(Path(checkpoint), _name(model))
        self.normalize = InputNormalization(**cfg.pop('data_preprocessor', {}))
        self.network = _build(cfg, _correlation_layer(correlation))
        if weights is None:
            warn(f'MMFlow(model={_name(model)!r}) has random weights: pass checkpoint= for flow.', stacklevel=2)
        else:
            _load(self.network, weights, f'{checkpoint} does not fit MMFlow(model={_name(model)!r})')
        without_waste(self.network)
        self._laid_out_for: torch.device | None = None
        # Of the others, PWC-Net and RAFT were measured: channels last makes them slower, and a network that iterates
        # would keep as many maps as it has iterations.
        self._shortcuts = Shortcuts() if type(self.network).__name__ == 'FlowNet2' else None
        self.requires_grad_(False)
        self.eval()

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None) -> Tensor:
        """Run the network on ``max_batch`` pairs at a time; ``keys`` are not needed."""
        if self._shortcuts and self._laid_out_for != frame_a.device:
            lay_out(self.network, frame_a.device)
            self._laid_out_for = frame_a.device
        pairs = zip(frame_a.split(self.max_batch), frame_b.split(self.max_batch))
        return torch.cat([self._chunk(a, b) for a, b in pairs])

    def _chunk(self, frame_a: Tensor, frame_b: Tensor) -> Tensor:
        samples = [SimpleNamespace(metainfo=dict(img_shape=frame_a.shape[-2:]))] * len(frame_a)  # all that is read
        with torch.autocast(frame_a.device.type, enabled=False), quiet_meshgrid():
            inputs = torch.cat(self.normalize(frame_a.float(), frame_b.float()), dim=1)
            with self._shortcuts if self._shortcuts and not frame_a.is_cuda else nullcontext():
                results = self.network(inputs, samples, mode='predict')
        return torch.stack([result['flow_fw'] for result in results])


def _network_cfg(model: str | dict) -> dict:
    if isinstance(model, str):
        if model not in NETWORKS:
            raise ValueError(f'model must be one of {sorted(NETWORKS)} or a model dict of mmflow, got {model!r}')
        return NETWORKS[model]()
    if 'type' not in model:
        raise ValueError(f"a model dict of mmflow names its class as 'type', got the keys {sorted(model)}")
    return deepcopy(dict(model))


def _name(model: str | dict) -> str:
    return model if isinstance(model, str) else model['type']


def _correlation_layer(correlation: str) -> type[nn.Module]:
    if correlation not in _CORRELATIONS:
        raise ValueError(f'correlation must be one of {_CORRELATIONS}, got {correlation!r}')
    compiled = None if correlation == 'torch' else compiled_correlation()
    if correlation == 'mmcv' and compiled is None:
        raise ImportError(
            "MMFlow(correlation='mmcv') needs mmcv with compiled operators, which is not here: "
            "run `make cuda-ops`, or pass correlation='torch'."
        )
    return compiled or Correlation


def _build(cfg: dict, correlation: type[nn.Module]) -> nn.Module:
    with importable_mmflow(Correlation), DefaultScope.overwrite_default_scope('mmflow'):
        try:
            import_module('mmflow')  # on its own, so that an error names it
            mmflow_models = import_module('mmflow.models')
        except ModuleNotFoundError as error:
            if error.name not in {'mmflow', 'six', 'matplotlib'}:
                raise
            raise ImportError(f'MMFlow needs {error.name}, which is not installed: {_INSTALL}') from error
        network = mmflow_models.build_flow_estimator(cfg)
    blocks = [module for module in network.modules() if isinstance(module, mmflow_models.CorrBlock)]
    for block in blocks:
        block.corr_block[0] = _replaced(block.corr_block[0], correlation)
    if blocks:
        layer = 'plain PyTorch' if correlation is Correlation else 'the compiled operator of mmcv'
        print_log(f'{cfg["type"]} correlates features with {layer}.', logger='current')
    return_flow_fields(network)
    return network


def _replaced(layer: nn.Module, correlation: type[nn.Module]) -> nn.Module:
    options = ('kernel_size', 'max_displacement', 'stride', 'padding', 'dilation', 'dilation_patch')
    return correlation(**{name: getattr(layer, name) for name in options})


def _read_weights(path: Path, model: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f'There is no flow checkpoint {path}: {_how_to_get(path, model)}')
    try:
        loaded = read_checkpoint(path)
    except DamagedCheckpointError as error:
        raise ValueError(f'{error}. Get it anew: {_how_to_get(path, model)}') from error
    weights = loaded.get('state_dict', loaded) if isinstance(loaded, dict) else None
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"{path} holds no weights: a dict of tensors was expected, bare or under 'state_dict'.")
    return weights


def _how_to_get(path: Path, model: str) -> str:
    if model in WEIGHTS:
        return f'curl -L --create-dirs -o {path} {WEIGHTS[model]}'
    if model == 'flownet2_nvidia':
        return f'python tools/model_converters/flownet2_nvidia.py FlowNet2_checkpoint.pth.tar {path}'
    return 'pass the path of a file, or None for random weights.'


def _load(network: nn.Module, weights: dict[str, Tensor], complaint: str) -> None:
    own = network.state_dict()
    faults = {
        'missing': own.keys() - weights.keys(),
        'unknown': weights.keys() - own.keys(),
        'of another shape': {key for key in own.keys() & weights.keys() if own[key].shape != weights[key].shape},
    }
    told = [f'{len(keys)} {fault} (such as {min(keys)})' for fault, keys in faults.items() if keys]
    if told:
        raise ValueError(f'{complaint}: of its {len(own)} tensors, {", ".join(told)}.')
    network.load_state_dict(weights)
