"""The parts of the run that a config describes, built without data, weights or memory for them: for the tests."""

from collections.abc import Mapping
from functools import partial, reduce
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import torch
from helpers import data_sample
from mmengine.optim import build_optim_wrapper
from mmengine.visualization import Visualizer
from mmseg.registry import DATA_SAMPLERS, DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS, TASK_UTILS
from torch import nn

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.loops import stages_in
from i2vda_mmseg.engine.optimizers import RepeatedSteps

CONFIGS = Path(__file__).parents[1] / 'configs'
# Those of UPerNet have no published settings: tests/models/test_hugging_face.py. Others need transformers.
NEEDS_TRANSFORMERS = () if find_spec('transformers') else ('vfmuda',)
LEAVES = sorted(
    str(path.relative_to(CONFIGS).with_suffix(''))
    for path in CONFIGS.rglob('*.py')
    if '_base_' not in path.parts
    and not path.stem.startswith('upernet_')
    and path.parent.name not in NEEDS_TRANSFORMERS
)
BLUE_GREEN_RED = (10, 20, 30)
IMAGES = SimpleNamespace(source=range(13367), target=range(2975))  # what a sampler asks of VIPER and Cityscapes-Seq


def build_leaf(path, **options):
    """Build a config. Whatever is asked of the leaf is read off built parts, not off the config's text."""
    config = load_config(str(path), options)
    leaf = SimpleNamespace(config=config, model=build_model(config))
    leaf.metric = METRICS.build(config.val_evaluator)
    Visualizer.get_instance('leaf')  # a hook asks for the run's
    leaf.hooks = {name: HOOKS.build(dict(hook)) for name, hook in config.default_hooks.items() if hook}
    leaf.data = built_data(config.train_dataloader)
    leaf.test_size = size_of(DATASETS.build(dict(config.test_dataloader.dataset, lazy_init=True)))
    leaf.stages = [built_stage(stage, config) for stage in stages_in(config.train_cfg)]
    leaf.iterations = [stage.iterations for stage in leaf.stages]
    leaf.optimizer, leaf.schedule = {}, {}
    if not hasattr(leaf.model, 'segmentor_passes'):
        return leaf  # it only tests
    leaf.input = network_input(config.model.data_preprocessor)
    leaf.network = network_of(leaf.model)
    for name, wrapper in build_optim_wrapper(leaf.model, dict(config.optim_wrapper)).items():
        schedulers = [PARAM_SCHEDULERS.build(dict(s, optimizer=wrapper)) for s in config.param_scheduler[name]]
        leaf.schedule[name] = [curve_of(scheduler) for scheduler in schedulers]
        leaf.optimizer[name] = optimizer_of(getattr(leaf.model, name), wrapper)
    return leaf


def setting(leaf, path):
    """Follow a path of attributes, keys and indices, such as ``stages.1.labeller.portion``."""
    return reduce(step_into, path.split('.'), leaf)


def step_into(value, name):
    if isinstance(value, (Mapping, nn.ModuleDict)) and not hasattr(value, name):
        return value[name]
    if name.isdigit():
        return value[int(name)]
    return type(value).__name__ if name == 'class' else getattr(value, name)


def build_model(config):
    values = partial(torch.linspace, device='cpu')  # rates of stochastic depth, which transformers ask for
    with torch.device('meta'), patch('torch.linspace', values):
        return MODELS.build(config.model)


def built_stage(stage, config):
    loader = stage.dataloader(config.train_dataloader, 'labels')
    return SimpleNamespace(
        iterations=stage.end - stage.begin,
        restart=stage.restart,
        lr_factor=stage.lr_factor,
        target_as_source=stage.target_as_source,
        labeller=stage.labeller and TASK_UTILS.build(stage.labeller),
        sampled=DATA_SAMPLERS.build(dict(loader['sampler'], dataset=IMAGES, seed=0)).sizes,
        data=built_data(loader),
    )


def built_data(loader):
    dataset = loader['dataset']
    domains = {name: dict(dataset[name], lazy_init=True) for name in ('source', 'target')}
    built = DATASETS.build(dict(dataset, **domains))
    domains = {name: domain_of(getattr(built, name)) for name in domains}
    joint, rare = built.joint_pipeline.transforms, built.rare_class_sampling
    return SimpleNamespace(batch_size=loader['batch_size'], joint=joint, rare_class_sampling=rare, **domains)


def domain_of(dataset):
    steps = {type(step).__name__: step for step in steps_of(dataset.pipeline)}
    return SimpleNamespace(dataset=dataset, size=size_of(dataset), steps=steps, order=list(steps))


def steps_of(pipeline):
    for step in pipeline.transforms:
        yield step
        yield from steps_of(step) if hasattr(step, 'transforms') else ()


def size_of(dataset):
    """Width and height after the fixed resize, or those that a random one starts from where there is no other."""
    steps = {name: [] for name in ('Resize', 'RandomResize')}
    for step in steps_of(dataset.pipeline):
        steps.get(type(step).__name__, []).append(step)
    if not steps['Resize']:
        (resize,) = steps['RandomResize']
        return resize.scale
    (resize,) = steps['Resize']
    released = {('pillow', 'bicubic'), ('cv2', 'bilinear')}  # of the codes before DAFormer, and after
    assert (resize.backend, resize.interpolation) in released
    assert not resize.keep_ratio
    return resize.scale


def network_input(config):
    """What the network sees of one pixel, from the source's and from the target's way."""
    preprocessor = MODELS.build(config)
    image = torch.tensor(BLUE_GREEN_RED, dtype=torch.uint8).view(3, 1, 1)
    frames = image.expand(2, 3, 1, 1)
    domains = dict(
        source=dict(inputs=[image], data_samples=[data_sample(torch.zeros(1, 1, dtype=torch.long))]),
        target=dict(inputs=[frames], data_samples=[data_sample()]),
    )
    batch = preprocessor(domains, training=True)
    # the first pixel: what is padded has another value
    pixel = batch['source']['inputs'][..., 0, 0].flatten().tolist()
    assert preprocessor.normalize(batch['target']['frames'][:, 0])[..., 0, 0].flatten().tolist() == pixel
    return pixel


def network_of(model):
    """What a ResNet with DeepLab-v2 heads is made of."""
    segmentor = model.segmentor
    segmentor.train()
    norms = [module for module in segmentor.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    facts = dict(
        norm_affine={parameter.requires_grad for norm in norms for parameter in norm.parameters()},
        norm_uses_batch={norm.training for norm in norms},
        heads={name: head for name, head in segmentor.named_children() if name.endswith('_head')},
    )
    if hasattr(segmentor.backbone, 'res_layers'):
        stages = [getattr(segmentor.backbone, name) for name in segmentor.backbone.res_layers]
        facts.update(
            blocks=[len(stage) for stage in stages],
            strides=[stage[0].conv1.stride[0] for stage in stages],
            dilations=[[block.conv2.dilation[0] for block in stage] for stage in stages],
            pool_rounds_up=segmentor.backbone.maxpool.ceil_mode,
        )
    return SimpleNamespace(**{key: one(value) for key, value in facts.items()})


def one(values):
    """The single member of a set, or what it has."""
    return next(iter(values)) if isinstance(values, set) and len(values) == 1 else values


def optimizer_of(network, wrapper):
    """Rates and decays by the first name of the parameters; norms apart."""
    optimizer, parts = wrapper.optimizer, {}
    owners = {id(p): (name, m) for name, m in network.named_modules() for p in m.parameters(recurse=False)}
    for group in optimizer.param_groups:
        for parameter in group['params']:
            name, module = owners[id(parameter)]
            is_norm = isinstance(module, (nn.BatchNorm2d, nn.LayerNorm))
            for part in ('norms' if is_norm else name.split('.')[0], 'all'):
                entry = parts.setdefault(part, dict(lr=set(), weight_decay=set()))
                entry['lr'].add(group['initial_lr'])
                entry['weight_decay'].add(group['weight_decay'])
    hooks = (getattr(hook, '__self__', None) for hook in optimizer._optimizer_step_pre_hooks.values())
    return SimpleNamespace(
        kind=type(optimizer).__name__,
        groups={part: {key: one(value) for key, value in entry.items()} for part, entry in parts.items()},
        repeated=sum(sum(hook.counts.values()) for hook in hooks if isinstance(hook, RepeatedSteps)),
        max_norm=(wrapper.clip_grad_kwargs or {}).get('max_norm'),
        wrapper=wrapper,
        **{key: optimizer.defaults.get(key) for key in ('momentum', 'betas', 'nesterov')},
    )


def curve_of(scheduler):
    """Kind, exponent, first iteration, and the iterations from there to the last value."""
    assert not getattr(scheduler, 'eta_min', 0)
    assert not scheduler.by_epoch
    return [type(scheduler).__name__, getattr(scheduler, 'power', None), scheduler.begin, scheduler.total_iters]
