"""What stands along a street: buildings, trees, hedges, fences, poles with lights and signs."""

import cv2
import numpy as np

from .builder import Color, MeshBuilder, disc, rectangle

_WALLS: tuple[Color, ...] = (
    (196, 108, 78), (222, 190, 140), (176, 168, 160), (226, 214, 190), (150, 84, 70), (170, 186, 196), (208, 160, 96),
    (126, 118, 122), (232, 206, 206),
)  # fmt: skip
_LEAVES: tuple[Color, ...] = ((44, 122, 40), (70, 140, 44), (32, 100, 52), (94, 144, 40))
_POST: Color = (112, 116, 122)
_LAMPS: tuple[Color, ...] = ((250, 40, 30), (252, 190, 30), (50, 230, 110))


def _scaled(color: Color, factor: float) -> Color:
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def _windows(
    builder: MeshBuilder, surface: int, width: float, height: float, frame: Color, rng: np.random.Generator
) -> None:
    """Storeys of windows over a ground floor with doors or shop windows."""
    glass, pitch = ((70.0, 96.0, 124.0), (50.0, 60.0, 74.0))[rng.integers(2)], rng.uniform(2.0, 2.8)
    columns = max(1, int((width - 0.8) / pitch))
    shop = rng.random() < 0.4
    for column in range(columns):
        u = -width / 2 + (width - columns * pitch) / 2 + column * pitch
        for storey, v in enumerate(np.arange(0.9, height - 2.0, 2.9)):
            low, high, margin = (v, v + 1.6, 0.5) if storey or not shop else (0.35, 2.3, 0.15)
            if storey == 0 and column == columns // 2:
                builder.face(surface, rectangle(u + 0.5, 0.0, u + pitch - 0.5, 2.2), 'building', (84, 54, 40), layer=1)
                continue
            corners = (u + margin, low, u + pitch - margin, high)
            outer = rectangle(corners[0] - 0.12, low - 0.12, corners[2] + 0.12, high + 0.12)
            builder.face(surface, outer, 'building', frame, layer=1)
            builder.face(surface, rectangle(*corners), 'building', _scaled(glass, rng.uniform(0.8, 1.25)), layer=2)
    if shop:
        builder.face(surface, rectangle(-width / 2, 2.5, width / 2, 3.1), 'building', (170, 50, 60), layer=3)


def add_building(
    builder: MeshBuilder, side: int, x: float, span: tuple[float, float], rng: np.random.Generator
) -> None:
    """A house from ``span[0]`` to ``span[1]`` along z whose facade stands at ``side * x``."""
    depth, height = 12.0, rng.uniform(5.5, 11.0)
    wall = _scaled(_WALLS[rng.integers(len(_WALLS))], rng.uniform(0.88, 1.08))
    frame = ((240.0, 236.0, 226.0), _scaled(wall, 0.7))[rng.integers(2)]
    length = span[1] - span[0]
    body = builder.body((side * (x + depth / 2), 0.0, sum(span) / 2))
    group = builder.group(stage=2)
    box = builder.frustum(
        group, body, base=(depth, length), heights=(0.0, height), name='building', color=wall, material='wall'
    )
    facade = box['left' if side > 0 else 'right']
    for surface, width in ((facade, length), (box['rear'], depth)):
        builder.face(surface, rectangle(-width / 2, 0.0, width / 2, 0.45), 'building', _scaled(wall, 0.7), layer=1)
        builder.face(surface, rectangle(-width / 2, height - 0.5, width / 2, height), 'building', frame, layer=1)
    _windows(builder, facade, length, height, frame, rng)
    _windows(builder, box['rear'], depth, height, frame, rng)
    builder.frustum(
        group, body, base=(depth, length), top=(depth * 0.15, length), heights=(height, height + rng.uniform(0.8, 2.6)),
        name='building', color=((150, 62, 48), (92, 92, 100))[rng.integers(2)], material='wall',
    )  # fmt: skip


def add_tree(builder: MeshBuilder, x: float, z: float, rng: np.random.Generator, stage: int = 3) -> None:
    """A tree: trunk, and a crown of upright leafy discs at several depths."""
    body = builder.body((x, 0.0, z))
    group = builder.group(stage)
    stem, radius = rng.uniform(1.9, 2.7), rng.uniform(1.2, 1.9)
    builder.frustum(
        group, body, base=(0.36, 0.36), top=(0.24, 0.24), heights=(0.0, stem + 0.6), name='tree', color=(104, 74, 50),
        material='wall',
    )  # fmt: skip
    leaf = _LEAVES[rng.integers(len(_LEAVES))]
    for depth in (0.9, 0.45, 0.0, -0.4, -0.8, -1.1):
        part = builder.part(group, body, (0.0, -stem - radius, depth * radius))
        surface = builder.surface(part, body, origin=(0.0, -stem - radius, depth * radius), material='foliage')
        for _ in range(2):
            size = radius * rng.uniform(0.5, 0.8)
            angle, reach = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.15, 0.6)
            corners = np.array(disc(0, 0, size, corners=11)) * rng.uniform(0.8, 1.15, (11, 1))
            hull = cv2.convexHull(corners.astype(np.float32))[:, 0] + reach * np.array([np.cos(angle), np.sin(angle)])
            builder.face(surface, hull, 'tree', _scaled(leaf, rng.uniform(0.72, 1.2) - 0.12 * depth))
    builder.shadow(body, radius * 0.9, radius * 0.7)


def add_hedge(
    builder: MeshBuilder, x: float, span: tuple[float, float], rng: np.random.Generator, width: float = 1.0
) -> None:
    """A clipped hedge along the street."""
    body = builder.body((x, 0.0, sum(span) / 2))
    leaf = _scaled(_LEAVES[rng.integers(len(_LEAVES))], 0.9)
    builder.frustum(
        builder.group(stage=2), body, base=(width, span[1] - span[0]), top=(width * 0.8, span[1] - span[0]),
        heights=(0.0, rng.uniform(0.9, 1.7)), name='hedge', color=leaf, material='foliage',
    )  # fmt: skip


def add_fence(builder: MeshBuilder, side: int, x: float, span: tuple[float, float], rng: np.random.Generator) -> None:
    """A board fence along the street; what shows between the boards is fence too, as annotators draw it."""
    body = builder.body((side * x, 0.0, sum(span) / 2))
    group, half = builder.group(stage=2), (span[1] - span[0]) / 2
    color = ((150, 104, 62), (214, 206, 190), (96, 104, 108))[rng.integers(3)]
    height, part = rng.uniform(1.3, 1.8), builder.part(group, body)
    surface = builder.surface(part, body, u=(0, 0, 1), material='wall')
    builder.face(surface, rectangle(-half, 0.0, half, height), 'fence', _scaled(color, 0.55))
    for u in np.arange(-half, half - 0.2, 0.55):
        builder.face(surface, rectangle(u, 0.0, u + 0.33, height + 0.1), 'fence', color, layer=1)
    for v in (0.3, height - 0.35):
        builder.face(surface, rectangle(-half, v, half, v + 0.14), 'fence', _scaled(color, 0.8), layer=2)


def _post(builder: MeshBuilder, body: int, group: int, height: float, width: float = 0.24) -> None:
    builder.frustum(group, body, base=(width, width), heights=(0.0, height), name='pole', color=_POST, material='paint')
    builder.shadow(body, 0.3, 0.25)


def _light_head(builder: MeshBuilder, group: int, body: int, x: float, height: float, rng: np.random.Generator) -> None:
    """A housing with three lamps of which one is lit, facing the camera."""
    box = builder.frustum(
        group, body, base=(0.62, 0.4), heights=(height, height + 1.6), center=(x, -0.3), name='traffic light',
        color=(38, 40, 42),
    )  # fmt: skip
    builder.face(box['rear'], rectangle(-0.31, 0, 0.31, 1.6), 'traffic light', (24, 24, 26), layer=1)
    lit = rng.integers(3)
    for lamp in range(3):
        color = _LAMPS[lamp] if lamp == lit else _scaled(_LAMPS[lamp], 0.3)
        builder.face(box['rear'], disc(0.0, 1.3 - 0.5 * lamp, 0.22), 'traffic light', color, layer=2)


def add_traffic_light(builder: MeshBuilder, side: int, x: float, z: float, rng: np.random.Generator) -> None:
    """A pole with a traffic light, and often an arm that holds a second one over the lane."""
    body = builder.body((side * x, 0.0, z))
    group = builder.group()
    has_arm = rng.random() < 0.45
    _post(builder, body, group, 5.0 if has_arm else 3.6)
    _light_head(builder, group, body, 0.0, rng.uniform(2.2, 2.6), rng)
    if has_arm:
        reach = rng.uniform(2.4, 3.4)
        part = builder.part(group, body, (-side * reach / 2, -4.9, 0.3))
        arm = builder.surface(part, body, origin=(0, 0, 0), material='paint')
        left, right = sorted((0.0, -side * reach))
        builder.face(arm, rectangle(left, 4.8, right, 5.0), 'pole', _POST)
        _light_head(builder, group, body, -side * reach, 3.4, rng)


def add_traffic_sign(builder: MeshBuilder, side: int, x: float, z: float, rng: np.random.Generator) -> None:
    """A pole with one or two signs: round, triangular, square or a large board."""
    body = builder.body((side * x, 0.0, z), yaw=rng.uniform(-0.15, 0.15))
    group, height = builder.group(), rng.uniform(2.3, 2.9)
    _post(builder, body, group, height + 0.3, 0.2)
    part = builder.part(group, body, (0.0, -height, -0.4))
    surface = builder.surface(part, body, origin=(0, 0, -0.15))
    for level in range(rng.integers(1, 3)):
        _sign_plate(builder, surface, height - 1.05 * level, int(rng.integers(4)))


def _sign_plate(builder: MeshBuilder, surface: int, v: float, kind: int) -> None:
    red, white, blue = (214, 24, 30), (244, 244, 240), (24, 80, 190)
    triangle = [(-0.62, v - 0.45), (0.62, v - 0.45), (0.0, v + 0.6)]
    board = rectangle(-0.75, v - 0.42, 0.75, v + 0.42)
    shapes = (
        (disc(0, v, 0.55), red, disc(0, v, 0.38), white),
        (triangle, red, [(-0.36, v - 0.3), (0.36, v - 0.3), (0.0, v + 0.3)], white),
        (rectangle(-0.5, v - 0.5, 0.5, v + 0.5), blue, rectangle(-0.14, v - 0.34, 0.14, v + 0.34), white),
        (board, (250, 200, 20), rectangle(-0.55, v - 0.1, 0.55, v + 0.1), (30, 30, 30)),
    )
    outer, outer_color, inner, inner_color = shapes[kind]
    builder.face(surface, outer, 'traffic sign', outer_color, layer=1)
    builder.face(surface, inner, 'traffic sign', inner_color, layer=2)
