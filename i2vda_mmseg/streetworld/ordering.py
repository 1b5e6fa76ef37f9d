"""The painter's algorithm: what is painted before what."""

from functools import cmp_to_key

import numpy as np

from .mesh import Mesh

_TOLERANCE = 0.6  # metres by which neighbours may overlap in depth, as house fronts do when the camera looks aside


def paint_order(mesh: Mesh, points: np.ndarray, part_distance: np.ndarray) -> np.ndarray:
    """Stage by stage; in a stage group by group, in a group part by part, each far to near; in a part by layer.

    Args:
        mesh: The street's geometry.
        points: (V, 2), x and z of every vertex in camera coordinates, metres.
        part_distance: (P,), distance of the parts' centres from the camera, metres.

    Returns:
        (F,), faces, first to last.
    """
    part = mesh.surface_part[mesh.face_surface]
    group = mesh.part_group[part]
    rank = _group_ranks(mesh.group_stage, np.repeat(group, np.diff(mesh.face_start)), points)
    return np.lexsort((mesh.face_layer, part, -part_distance[part], rank[group]))


def _group_ranks(stage: np.ndarray, owner: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Position of each group in the order of painting."""
    low, high = np.full((len(stage), 2), np.inf), np.full((len(stage), 2), -np.inf)
    np.minimum.at(low, owner, points)
    np.maximum.at(high, owner, points)
    middle = (low + high) / 2
    boxes = np.concatenate([low, high], axis=1).tolist()
    distance, stages = np.hypot(middle[:, 0], middle[:, 1]).tolist(), stage.tolist()

    def compare(a: int, b: int) -> int:
        """Say which of two groups is painted first: negative for a."""
        if stages[a] != stages[b]:
            return stages[a] - stages[b]
        return _in_front(boxes[a], boxes[b]) or (distance[b] > distance[a]) - (distance[b] < distance[a])

    # A first sort by distance makes the second start from a nearly right order.
    order = sorted(np.argsort(np.negative(distance), kind='stable').tolist(), key=cmp_to_key(compare))
    rank = np.empty(len(stage), int)
    rank[order] = np.arange(len(stage))
    return rank


def _in_front(a: list[float], b: list[float]) -> int:
    """1 if box a (least x, least z, largest x, largest z) may hide b, -1 if b may hide a, 0 if that is not plain."""
    if b[1] >= a[3] - _TOLERANCE:
        return 1
    if a[1] >= b[3] - _TOLERANCE:
        return -1
    # Side by side: on one side of the camera the one closer to its line of sight is in front.
    if 0 < a[2] <= b[0] or 0 > a[0] >= b[2]:
        return 1
    if 0 < b[2] <= a[0] or 0 > b[0] >= a[2]:
        return -1
    return 0
