"""From a street to pixels: which face is seen where, by the painter's algorithm on projected polygons."""

from dataclasses import dataclass

import cv2
import numpy as np

from .mesh import Mesh, paint_order
from .street import Street

_NEAR = 0.4  # metres; what is closer to the camera is cut off
_SHIFT = 4  # fractional bits of a corner's position
_FAR_OUT = 1.0e6  # pixels; keeps corners within cv2's integers


@dataclass(frozen=True)
class Projection:
    """A street as one camera sees it at one time."""

    size: tuple[int, int]  # (H, W) in pixels
    # (S, 3, 3), surface coordinates (u, v, 1) to homogeneous pixels whose third component is the depth in metres
    homographies: np.ndarray
    camera_distance: np.ndarray  # (S,), distance of the camera from each surface's plane in metres
    order: np.ndarray  # faces to paint, first to last
    corners: list[np.ndarray]  # (x, y) of each such face in pixels, (n, 2) each


def project(street: Street, time: float, size: tuple[int, int]) -> Projection:
    """Project all faces that the camera may see at a time in frames, and order them far to near."""
    mesh = street.mesh
    rotation, position = mesh.body_poses(time)
    view, eye = street.camera.pose(time)
    frames = np.einsum('ij,bjk->bik', view, rotation)[mesh.surface_body] @ mesh.surface_frame
    frames[:, :, 2] += (position[mesh.surface_body] - eye) @ view.T
    normal = np.cross(frames[:, :, 0], frames[:, :, 1])
    outside = np.einsum('si,si->s', normal, frames[:, :, 2])  # negative where the camera is on the outer side
    intrinsics = street.camera.intrinsics(size)
    homographies = intrinsics @ frames

    owner = np.repeat(mesh.face_surface, np.diff(mesh.face_start))
    points = np.concatenate([mesh.vertices, np.ones((len(mesh.vertices), 1))], axis=1)
    points = np.einsum('vij,vj->vi', homographies[owner], points)
    is_open = mesh.surface_is_two_sided | (outside < 0)
    center = np.einsum('pij,pj->pi', rotation[mesh.part_body], mesh.part_center) + position[mesh.part_body]
    from_above = np.stack([(points[:, 0] - intrinsics[0, 2] * points[:, 2]) / intrinsics[0, 0], points[:, 2]], axis=1)
    order = paint_order(mesh, from_above, np.linalg.norm(center - eye, axis=1))
    order, corners = _visible_faces(mesh, points, is_open[mesh.face_surface], order, size)
    return Projection(size, homographies, np.abs(outside), order, corners)


def _visible_faces(
    mesh: Mesh, points: np.ndarray, is_open: np.ndarray, order: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Drop faces that are turned away or out of view, cut those that reach behind the camera."""
    start, depth = mesh.face_start[:-1], points[:, 2]
    nearest, farthest = np.minimum.reduceat(depth, start), np.maximum.reduceat(depth, start)
    pixels = points[:, :2] / np.maximum(depth, _NEAR)[:, None]
    low, high = np.minimum.reduceat(pixels, start), np.maximum.reduceat(pixels, start)
    is_cut = nearest < _NEAR
    in_view = (high[:, 0] > -1) & (high[:, 1] > -1) & (low[:, 0] < size[1]) & (low[:, 1] < size[0])
    is_speck = ((high - low).max(axis=1) < 1.0) & ~is_cut
    keep = is_open & (farthest > _NEAR) & (in_view | is_cut) & ~is_speck
    order = order[keep[order]]
    corners = []
    for face in order:
        first, last = mesh.face_start[face], mesh.face_start[face + 1]
        corners.append(_cut(points[first:last]) if is_cut[face] else pixels[first:last])
    return order, corners


def _cut(points: np.ndarray) -> np.ndarray:
    """Cut a polygon in homogeneous pixels at the near plane."""
    kept = []
    for a, b in zip(points, np.roll(points, -1, axis=0)):
        if a[2] >= _NEAR:
            kept.append(a)
        if (a[2] >= _NEAR) != (b[2] >= _NEAR):
            kept.append(a + (b - a) * ((_NEAR - a[2]) / (b[2] - a[2])))
    cut = np.array(kept)
    return np.clip(cut[:, :2] / cut[:, 2:], -_FAR_OUT, _FAR_OUT)


def rasterise(projection: Projection, oversampling: int = 1) -> np.ndarray:
    """Paint the faces: (H * oversampling, W * oversampling), uint16, face seen at each sample.

    Args:
        projection: What to paint.
        oversampling: Samples per pixel along each axis; pixel (x, y) then covers the block of samples whose mean
            position is (x, y).
    """
    height, width = projection.size
    canvas = np.zeros((height * oversampling, width * oversampling), np.uint16)
    if not projection.corners:
        return canvas
    scale = oversampling * 2**_SHIFT
    offset = (oversampling - 1) / 2 * 2**_SHIFT
    fixed = np.rint(np.concatenate(projection.corners) * scale + offset).astype(np.int32)
    first = 0
    for face, corners in zip(projection.order.tolist(), projection.corners):
        last = first + len(corners)
        cv2.fillConvexPoly(canvas, fixed[first:last], face, cv2.LINE_8, _SHIFT)
        first = last
    return canvas


def shadow_mask(street: Street, time: float, size: tuple[int, int]) -> np.ndarray:
    """Shadows that bodies cast on the ground, (H, W), float32 in [0, 1], drawn as if nothing stood on the ground."""
    mesh, mask = street.mesh, np.zeros(size, np.uint8)
    rotation, position = mesh.body_poses(time)
    view, eye = street.camera.pose(time)
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(angles), np.zeros(16), np.sin(angles)], axis=1)
    half = np.stack([mesh.shadow_size[:, 0], np.zeros(len(mesh.shadow_size)), mesh.shadow_size[:, 1]], axis=1)
    world = np.einsum('dij,dnj->dni', rotation[mesh.shadow_body], ring * half[:, None])
    world += position[mesh.shadow_body][:, None]
    points = (world - eye) @ (street.camera.intrinsics(size) @ view).T
    for shadow in points[points[:, :, 2].min(axis=1) > _NEAR]:
        fixed = np.rint(np.clip(shadow[:, :2] / shadow[:, 2:], -_FAR_OUT, _FAR_OUT) * 2**_SHIFT).astype(np.int32)
        cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_8, _SHIFT)
    return cv2.GaussianBlur(mask, (0, 0), size[1] / 220).astype(np.float32) / 255
