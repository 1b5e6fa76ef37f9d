"""The geometry of a street as arrays: bodies, surfaces, polygons on them, and what is painted before what."""

from dataclasses import dataclass
from functools import cmp_to_key

import numpy as np


@dataclass(frozen=True)
class Mesh:
    """Everything that stands or moves in a street.

    World coordinates are metres: x to the right, y **down** (the ground is y = 0), z along the road. Time is counted
    in frames. A surface is a plane that moves rigidly with its body and carries the coordinates (u, v) in metres; a
    face is a convex polygon on a surface, so that all faces of one surface share one homography per frame.
    """

    body_position: np.ndarray  # (B, 3), position at time 0
    body_velocity: np.ndarray  # (B, 3), metres per frame
    body_yaw: np.ndarray  # (B,), radians about y
    # (B, 3), amplitude (radians), rate (radians per frame) and phase of a roll about the body's z
    body_swing: np.ndarray
    surface_body: np.ndarray  # (S,), body of each surface
    surface_frame: np.ndarray  # (S, 3, 3), columns are the axes u and v and the origin in body coordinates
    surface_is_two_sided: np.ndarray  # (S,), bool; others are seen from the side to which u x v points
    surface_part: np.ndarray  # (S,), part of each surface; the parts of a group are painted far to near
    surface_material: np.ndarray  # (S,), position in ``textures.MATERIALS``
    part_body: np.ndarray  # (P,), body that the centre of a part moves with
    part_center: np.ndarray  # (P, 3), in body coordinates
    part_group: np.ndarray  # (P,), group of each part; groups of a stage are painted far to near
    group_stage: np.ndarray  # (G,), stages are painted one after the other
    face_surface: np.ndarray  # (F,), surface of each face
    face_layer: np.ndarray  # (F,), order of painting within a part
    face_class: np.ndarray  # (F,), uint8, position in ``classes.CLASS_NAMES``
    face_color: np.ndarray  # (F, 3), float32, RGB in 0..255
    face_start: np.ndarray  # (F + 1,), where the vertices of each face start
    vertices: np.ndarray  # (V, 2), (u, v) of every corner of every face
    shadow_body: np.ndarray  # (D,), body of each shadow
    shadow_size: np.ndarray  # (D, 2), half width and half length of an ellipse on the ground below the body

    def body_poses(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the bodies are: rotations (B, 3, 3) and positions (B, 3), body to world, at a time in frames."""
        amplitude, rate, phase = self.body_swing.T
        roll = amplitude * np.sin(rate * time + phase)
        cos_y, sin_y, cos_r, sin_r = np.cos(self.body_yaw), np.sin(self.body_yaw), np.cos(roll), np.sin(roll)
        rotation = np.empty((len(roll), 3, 3))
        rotation[:, 0] = np.stack([cos_y * cos_r, -cos_y * sin_r, sin_y], axis=1)
        rotation[:, 1] = np.stack([sin_r, cos_r, np.zeros_like(roll)], axis=1)
        rotation[:, 2] = np.stack([-sin_y * cos_r, sin_y * sin_r, cos_y], axis=1)
        return rotation, self.body_position + self.body_velocity * time


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
