"""Heads of mmseg whose operators are written in PyTorch, or can be, where mmcv has no compiled ones."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, reload
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any


def provide_pure_operators() -> None:
    """Let mmseg's PointRend, SAN, CCNet and PSANet be built where mmcv has no compiled operators.

    They import ``point_sample``, ``CrissCrossAttention`` and ``PSAMask`` from ``mmcv.ops``. The first two are written
    in PyTorch, but their package loads the compiled library first: their own files are run, and nothing is left in
    ``sys.modules``. ``PSAMask`` is computed by indexing.
    """
    names = ('point', 'san', 'cc', 'psa')
    point, san, criss_cross, psa = (_head(name) for name in names)
    if point.point_sample is not None:
        return
    sampling: Any = import_module('mmseg.models.utils.point_sample')
    pure = _pure('point_sample')
    masks: Any = import_module('mmseg.utils.mask_classification')
    for module in (point, san, sampling, masks):
        module.point_sample = pure.point_sample
    san.get_uncertain_point_coords_with_randomness = sampling.get_uncertain_point_coords_with_randomness
    criss_cross.CrissCrossAttention = _pure('cc_attention').CrissCrossAttention
    psa.PSAMask = import_module('i2vda_mmseg.ops').PSAMask


def provide_detection_heads() -> None:
    """Let mmseg's MaskFormer and Mask2Former be built where mmdetection is there and mmcv has no compiled operators.

    mmseg derives them from heads of mmdetection, whose package imports compiled operators that these heads do not call.
    It is imported with stand-ins, which are taken away afterwards, and mmseg's two files are run again where they have
    been run without it.
    """
    if find_spec('mmdet') is None or find_spec('mmcv._ext') is not None:
        return
    heads = [sys.modules.get(f'mmseg.models.decode_heads.{name}_head') for name in ('maskformer', 'mask2former')]
    with _stand_in_operators() as operators, quiet_libraries():
        import_module('mmdet.models')
        for part in [module for name, module in sys.modules.items() if name.startswith('mmdet.models.')]:
            for name in {'MultiScaleDeformableAttention', 'point_sample'} & set(vars(part)):
                setattr(part, name, getattr(operators, name))
        for head, name in zip(heads, ('MaskFormerHead', 'Mask2FormerHead')):
            if head is not None:
                import_module('mmseg.registry').MODELS.module_dict.pop(name, None)
                setattr(sys.modules['mmseg.models.decode_heads'], name, getattr(reload(head), name))


def _head(name: str) -> Any:
    return import_module(f'mmseg.models.decode_heads.{name}_head')


def _pure(name: str) -> Any:
    path = Path(import_module('mmcv').__file__ or '').parent / f'ops/{name}.py'
    spec: Any = spec_from_file_location(f'mmcv.ops.{name}', path)
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _stand_in_operators() -> Iterator[Any]:
    """Let ``mmcv.ops`` be imported in the body: what is written in PyTorch, and names that fail when called."""
    loader: Any = import_module('mmcv.utils.ext_loader')
    load, operators = loader.load_ext, _Operators('mmcv.ops')
    operators.__path__ = [str(Path(import_module('mmcv').__file__ or '').parent / 'ops')]
    before = set(sys.modules)
    loader.load_ext = lambda name, functions: _Operators(name)
    sys.modules['mmcv.ops'] = operators
    try:
        for name in ('point_sample', 'multi_scale_deform_attn'):
            module: Any = import_module(f'mmcv.ops.{name}')
            module.IS_CUDA_AVAILABLE = False  # its formula in PyTorch runs on any device
            vars(operators).update({key: value for key, value in vars(module).items() if not key.startswith('_')})
        yield operators
    finally:
        loader.load_ext = load
        for name in [name for name in sys.modules if name.startswith('mmcv.ops') and name not in before]:
            del sys.modules[name]


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep back warnings and what is logged below errors, which libraries tell their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action='ignore'):
            yield
    finally:
        logging.disable(before)


class _Operators(ModuleType):
    """A module all of whose names exist, and fail when they are called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> Any:
            """Fail."""
            raise ImportError(f'mmcv.ops.{name} is a compiled operator: `make cuda-ops` builds mmcv with them')

        return type(name, (), {'__init__': missing})
