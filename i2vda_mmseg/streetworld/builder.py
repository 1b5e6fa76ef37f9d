"""Putting a street together piece by piece."""

import math
from collections.abc import Sequence

import numpy as np

from .classes import CLASS_NAMES
from .mesh import Mesh
from .textures import MATERIALS

Color = tuple[float, float, float]
Points = Sequence[tuple[float, float]] | np.ndarray

_LIGHT = (-0.45, -0.8, -0.4)  # towards the sun: above, behind the camera, from the left
_UP = (0.0, -1.0, 0.0)
_SIDES = {  # outward normal = axis u x up
    'rear': ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    'front': ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    'right': ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    'left': ((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)),
}


def rectangle(left: float, bottom: float, right: float, top: float) -> list[tuple[float, float]]:
    """Corners of a rectangle in (u, v)."""
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def disc(u: float, v: float, radius: float, *, squeeze: float = 1.0, corners: int = 12) -> list[tuple[float, float]]:
    """Corners of a disc in (u, v), ``squeeze`` times as high as wide."""
    angles = [2 * math.pi * k / corners + 0.13 for k in range(corners)]
    return [(u + radius * math.cos(a), v + radius * squeeze * math.sin(a)) for a in angles]


def bar(start: tuple[float, float], end: tuple[float, float], width: float) -> list[tuple[float, float]]:
    """Corners of a straight bar in (u, v)."""
    (u0, v0), (u1, v1) = start, end
    length = float(np.hypot(u1 - u0, v1 - v0))
    du, dv = -(v1 - v0) / length * width / 2, (u1 - u0) / length * width / 2
    return [(u0 + du, v0 + dv), (u1 + du, v1 + dv), (u1 - du, v1 - dv), (u0 - du, v0 - dv)]


class MeshBuilder:
    """Collects bodies, surfaces and faces; ``build`` freezes them into a ``Mesh``."""

    def __init__(self) -> None:
        self._bodies: list[tuple] = []
        self._surfaces: list[tuple] = []
        self._shades: list[float] = []
        self._parts: list[tuple] = []
        self._groups: list[int] = []
        self._faces: list[tuple] = []
        self._shadows: list[tuple] = []

    def body(
        self,
        position: tuple[float, float, float],
        *,
        yaw: float = 0.0,
        velocity: tuple[float, float] = (0.0, 0.0),
        swing: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> int:
        """Add a rigid body; ``velocity`` is along x and z in metres per frame, for the rest see ``Mesh``."""
        self._bodies.append((position, (velocity[0], 0.0, velocity[1]), yaw, swing))
        return len(self._bodies) - 1

    def group(self, stage: int = 3) -> int:
        """Add a group of parts that is painted at once: what is seen as one thing."""
        self._groups.append(stage)
        return len(self._groups) - 1

    def part(self, group: int, body: int, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> int:
        """Add a part of a group, centred in body coordinates."""
        self._parts.append((body, center, group))
        return len(self._parts) - 1

    def surface(
        self,
        part: int,
        body: int,
        *,
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        u: Sequence[float] = (1.0, 0.0, 0.0),
        v: Sequence[float] = _UP,
        material: str = 'smooth',
        is_two_sided: bool = True,
    ) -> int:
        """Add a plane in body coordinates; without arguments it stands upright and faces the camera."""
        frame = np.array([u, v, origin], float).T
        self._surfaces.append((body, frame, is_two_sided, part, list(MATERIALS).index(material)))
        self._shades.append(1.0 if is_two_sided else self._shade(frame, self._bodies[body][2]))
        return len(self._surfaces) - 1

    def face(self, surface: int, points: Points, name: str, color: Color, *, layer: int = 0) -> None:
        """Add a convex polygon of a class and colour to a surface; higher layers cover lower ones of the part."""
        shaded = np.asarray(color, float) * self._shades[surface]
        self._faces.append((surface, layer, CLASS_NAMES.index(name), shaded, np.asarray(points, float)))

    @staticmethod
    def _shade(frame: np.ndarray, yaw: float) -> float:
        """Brightness of a surface by how much it is turned to the sun."""
        (ux, uy, uz), (vx, vy, vz) = frame[:, 0].tolist(), frame[:, 1].tolist()
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        cos, sin = math.cos(yaw), math.sin(yaw)
        towards_light = (x * cos + z * sin) * _LIGHT[0] + y * _LIGHT[1] + (z * cos - x * sin) * _LIGHT[2]
        return 0.72 + 0.36 * max(0.0, towards_light)

    def frustum(
        self,
        group: int,
        body: int,
        *,
        base: tuple[float, float],
        heights: tuple[float, float],
        name: str,
        color: Color,
        top: tuple[float, float] | None = None,
        center: tuple[float, float] = (0.0, 0.0),
        material: str = 'smooth',
        shift: float = 0.0,
    ) -> dict[str, int]:
        """Add a box, or one that narrows to the top.

        Args:
            group: Group that the box becomes a part of.
            body: Body that carries it.
            base: Width (x) and length (z) at the bottom.
            heights: Of bottom and top above the ground.
            name: Class.
            color: RGB in 0..255.
            top: Width and length at the top, those of the base by default.
            center: (x, z) of the middle.
            material: See ``textures.MATERIALS``.
            shift: How far the top lies ahead of the base.

        Returns:
            The surfaces 'rear', 'front', 'right', 'left' and 'top'; u = 0 is their middle and v = 0 the bottom edge.
        """
        top = top or base
        rise = heights[1] - heights[0]
        part = self.part(group, body, (center[0], -sum(heights) / 2, center[1]))
        middle = np.array([center[0], -heights[0], center[1]])
        options = {'material': material, 'is_two_sided': False}
        surfaces = {}
        for side, (u, outward) in _SIDES.items():
            axis = 0 if outward[0] else 1
            normal = np.array(outward)
            inward = (base[axis] - top[axis]) / 2 - shift * outward[2]
            up = np.array([0.0, -rise, 0.0]) - inward * normal
            slant = float(np.linalg.norm(up))
            origin = middle + normal * base[axis] / 2
            surfaces[side] = self.surface(part, body, origin=origin, u=u, v=up / slant, **options)  # type: ignore[arg-type]
            low, high = base[1 - axis] / 2, top[1 - axis] / 2
            lean = shift * u[2]
            corners = [(-low, 0.0), (low, 0.0), (lean + high, slant), (lean - high, slant)]
            self.face(surfaces[side], corners, name, color)
        roof = (center[0], -heights[1], center[1] + shift)
        surfaces['top'] = self.surface(part, body, origin=roof, u=(1, 0, 0), v=(0, 0, 1), **options)  # type: ignore[arg-type]
        self.face(surfaces['top'], rectangle(-top[0] / 2, -top[1] / 2, top[0] / 2, top[1] / 2), name, color)
        return surfaces

    def shadow(self, body: int, half_width: float, half_length: float) -> None:
        """Add a soft elliptic shadow on the ground below a body."""
        self._shadows.append((body, (half_width, half_length)))

    def build(self) -> Mesh:
        """Freeze what was collected."""
        position, velocity, yaw, swing = (np.array(column, float) for column in zip(*self._bodies))
        on_body, frame, is_two_sided, on_part, material = (np.array(column) for column in zip(*self._surfaces))
        part_body, part_center, part_group = (np.array(column) for column in zip(*self._parts))
        surface, layer, class_id, color, points = zip(*self._faces)
        return Mesh(
            body_position=position, body_velocity=velocity, body_yaw=yaw, body_swing=swing, surface_body=on_body,
            surface_frame=frame, surface_is_two_sided=is_two_sided, surface_part=on_part, surface_material=material,
            part_body=part_body, part_center=part_center, part_group=part_group, group_stage=np.array(self._groups),
            face_surface=np.array(surface), face_layer=np.array(layer), face_class=np.array(class_id, np.uint8),
            face_color=np.clip(color, 0, 255).astype(np.float32), face_start=np.cumsum([0, *(len(p) for p in points)]),
            vertices=np.concatenate(points), shadow_body=np.array([body for body, _ in self._shadows], int),
            shadow_size=np.array([size for _, size in self._shadows], float).reshape(-1, 2),
        )  # fmt: skip
