from .classes import CLASS_NAMES, raw_labels
from .clip import LABELLED_TIME, iterate_clip, render_clip, render_still
from .frame import Frame, exact_flow
from .looks import CAMERA, GAME, Look
from .make import make_streetworld
from .plan import WorldPlan, read_world

__all__ = [
    'CAMERA', 'CLASS_NAMES', 'GAME', 'LABELLED_TIME', 'Frame', 'Look', 'WorldPlan', 'exact_flow', 'iterate_clip',
    'make_streetworld', 'raw_labels', 'read_world', 'render_clip', 'render_still',
]  # fmt: skip
