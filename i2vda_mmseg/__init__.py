"""Image-to-video domain adaptive semantic segmentation for MMSegmentation.

Importing the package registers everything: ``custom_imports = dict(imports=['i2vda_mmseg'])`` in a config is enough.
"""

from .compat import find_maintained_configs, provide_detection_heads, provide_pure_operators, quiet_imports
from .environment import check_environment
from .version import __version__

with quiet_imports():
    check_environment()
    find_maintained_configs()
    provide_detection_heads()
    provide_pure_operators()
    from . import datasets, engine, evaluation, flow, models

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'flow', 'models']
