"""Image-to-video domain adaptive semantic segmentation for MMSegmentation.

Importing the package registers everything: ``custom_imports = dict(imports=['i2vda_mmseg'])`` in a config is enough.
"""

from .environment import check_environment
from .version import __version__

check_environment()

from . import datasets, engine, evaluation, flow, models  # noqa: E402 - after the check, which says what to install

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'flow', 'models']
