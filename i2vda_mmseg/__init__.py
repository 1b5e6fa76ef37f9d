"""Image-to-video domain adaptive semantic segmentation for MMSegmentation.

Importing the package registers everything: ``custom_imports = dict(imports=['i2vda_mmseg'])`` in a config is enough.
Where torch is not installed (``pip install i2vda_mmseg[runtime]``), or ``I2VDA_WITHOUT_TORCH=1`` keeps it out, nothing
is registered, and ``i2vda_mmseg.runtime`` runs exported networks.
"""

from .environment import WITHOUT_TORCH, check_environment, runs_without_torch
from .version import __version__

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'flow', 'models']

if not runs_without_torch():
    from .compat import (
        find_maintained_configs,
        let_samples_be_pinned,
        provide_detection_heads,
        provide_pure_operators,
        quiet_imports,
    )

    with quiet_imports():
        check_environment()
        find_maintained_configs()
        let_samples_be_pinned()
        provide_detection_heads()
        provide_pure_operators()
        from . import datasets, engine, evaluation, flow, models


def __getattr__(name: str) -> object:
    """Say what is missing where something of training is asked for without torch."""
    if name in __all__:
        check_environment()
        raise ImportError(f'i2vda_mmseg.{name} needs torch, and {WITHOUT_TORCH}=1 keeps it out: unset it')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
