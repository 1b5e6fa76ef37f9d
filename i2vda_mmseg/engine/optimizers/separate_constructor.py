"""One optimizer for each network that is trained."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.wrappers import unwrapped

from .layer_decay import decay_by_layer
from .repeated_steps import RepeatedSteps, walk_counts
from .separate_optim_wrapper_dict import SeparateOptimWrapperDict

_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SeparateOptimWrapperConstructor:
    """Build an ``OptimWrapperDict`` with one optimizer for each named child of the model.

    Of a child's ``paramwise_cfg``, ``norm_decay_mult`` goes by the type of the module, also for norms whose learning
    rate is set by a custom key, unless that key has a ``decay_mult`` of its own; ``layer_decay`` lets the rates of a
    vision transformer fall from its last block to its embeddings (``decay_by_layer``). What is frozen is in no
    optimizer.

    Args:
        optim_wrapper_cfg: By child's name ('segmentor', 'discriminator'), the config of an ``OptimWrapper`` as mmengine
            takes it, ``paramwise_cfg`` included. In a config, ``backbone_steps`` stands beside them.
        paramwise_cfg: Refused here: it belongs into the child's config.
        backbone_steps: How often one iteration steps a parameter of ``<child>.backbone``: 'once', or 'released': as
            often as the parameter walk of AdaptSegNet, ADVENT, DA-VSN, TPS, FDA, CRST and IntraDA lists it (in a ResNet
            1, 3 or 4 times, see ``walk_counts``), one entry after another with one momentum. 'released' leaves
            ``foreach`` and ``fused`` of these optimizers aside, which cannot do so.

    Raises:
        ValueError: If a name is no child of the model, or a trainable parameter is in no optimizer or in two.
        ConfigError: If ``backbone_steps`` is neither, or 'released' and there is no backbone.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None, backbone_steps: str = 'once'
    ) -> None:
        if paramwise_cfg:
            raise ValueError('put paramwise_cfg into optim_wrapper.segmentor or optim_wrapper.discriminator')
        self.optim_wrapper_cfg = dict(optim_wrapper_cfg)
        self.backbone_steps = check_backbone_steps(self.optim_wrapper_cfg.pop('backbone_steps', backbone_steps))

    def __call__(self, model: Any) -> SeparateOptimWrapperDict:
        """Build the optimizers of ``model``, wrapped for DDP or not."""
        model = unwrapped(model)
        children = dict(model.named_children())
        unknown = sorted(set(self.optim_wrapper_cfg) - set(children))
        if unknown:
            raise ValueError(
                f'optim_wrapper names {unknown}, which {type(model).__name__} does not have; its children are '
                f'{sorted(children)}'
            )
        cfgs = self.optim_wrapper_cfg
        backbones = self._backbones({name: unwrapped(children[name]) for name in cfgs})
        wrappers = {name: _build(children[name], cfg, backbones.get(name)) for name, cfg in cfgs.items()}
        optimizers = SeparateOptimWrapperDict(**wrappers)
        _check_coverage(model, optimizers)
        return optimizers

    def _backbones(self, networks: Mapping[str, Any]) -> dict[str, nn.Module]:
        """Give the backbones that are stepped more than once, by the name of their network."""
        if self.backbone_steps == 'once':
            return {}
        backbones = {name: net.backbone for name, net in networks.items() if hasattr(net, 'backbone')}
        if not backbones:
            raise ConfigError(
                f"optim_wrapper.backbone_steps: 'released' needs a network with a backbone, and {sorted(networks)} "
                "have none; set it to 'once'"
            )
        return backbones


def check_backbone_steps(value: Any) -> str:
    """Give the value of ``backbone_steps``, or raise ConfigError."""
    if value not in ('once', 'released'):
        raise ConfigError(f"optim_wrapper.backbone_steps: must be one of 'once', 'released', got {value!r}")
    return value


def _build(network: nn.Module, cfg: Mapping[str, Any], backbone: nn.Module | None) -> OptimWrapper:
    cfg = dict(type='OptimWrapper') | dict(cfg)
    if backbone is not None:
        cfg['optimizer'] = {key: value for key, value in cfg['optimizer'].items() if key not in ('foreach', 'fused')}
    wrapper = build_optim_wrapper(network, dict(cfg))
    paramwise_cfg = cfg.get('paramwise_cfg') or {}
    _spare_norms(network, wrapper, paramwise_cfg)
    _leave_out_frozen(wrapper)
    if 'layer_decay' in paramwise_cfg:
        decay_by_layer(unwrapped(network), wrapper.optimizer, paramwise_cfg['layer_decay'])
    if backbone is not None:
        parameters = dict(backbone.named_parameters())
        counts = {parameters[name]: count for name, count in walk_counts(backbone).items()}
        RepeatedSteps(wrapper.optimizer, counts)
    return wrapper


def _spare_norms(network: nn.Module, wrapper: OptimWrapper, paramwise_cfg: Mapping[str, Any]) -> None:
    """Apply ``norm_decay_mult`` to the norms under a custom key too, which mmengine leaves to the key alone."""
    if 'norm_decay_mult' not in paramwise_cfg:
        return
    modules = [module for module in network.modules() if isinstance(module, _NORMS)]
    norms = {id(parameter) for module in modules for parameter in module.parameters(recurse=False)}
    decay = wrapper.optimizer.defaults['weight_decay'] * paramwise_cfg['norm_decay_mult']
    for group in wrapper.optimizer.param_groups:
        if id(group['params'][0]) in norms and 'decay_mult' not in group:
            group['weight_decay'] = decay


def _leave_out_frozen(wrapper: OptimWrapper) -> None:
    """Drop parameters without gradient, which mmengine drops with a ``paramwise_cfg`` only."""
    for group in wrapper.optimizer.param_groups:
        group['params'] = [parameter for parameter in group['params'] if parameter.requires_grad]


def _check_coverage(model: nn.Module, optimizers: OptimWrapperDict) -> None:
    groups = [group for wrapper in optimizers.values() for group in wrapper.optimizer.param_groups]
    counts = Counter(id(parameter) for group in groups for parameter in group['params'])
    wrong = {
        name: counts[id(parameter)]
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and counts[id(parameter)] != 1
    }
    if wrong:
        name, count = next(iter(wrong.items()))
        raise ValueError(
            f'each trainable parameter must be in exactly one optimizer, but {name} is in {count} '
            f'(and {len(wrong) - 1} others are wrong too); name its network in optim_wrapper'
        )
