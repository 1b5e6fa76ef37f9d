"""Ways to move a prediction from one frame to the next."""

from .backward_warp import BackwardWarp
from .splat import Splat

__all__ = ['BackwardWarp', 'Splat']
