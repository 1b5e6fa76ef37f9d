"""Cars, trucks, buses and two-wheelers, headed along their body's z axis."""

from functools import partial

import numpy as np

from .builder import Color, MeshBuilder, bar, disc, rectangle

_GLASS: Color = (52, 66, 82)
_TYRE: Color = (28, 28, 30)
_METAL: Color = (150, 152, 158)
_PAINTS: tuple[Color, ...] = (
    (190, 30, 34), (28, 74, 170), (226, 226, 228), (40, 42, 48), (150, 156, 164), (226, 178, 40), (38, 122, 84),
    (120, 28, 60), (232, 120, 40),
)  # fmt: skip


def random_paint(rng: np.random.Generator) -> Color:
    """A car colour."""
    base = np.array(_PAINTS[rng.integers(len(_PAINTS))]) * rng.uniform(0.85, 1.1)
    return (float(base[0]), float(base[1]), float(base[2]))


def _wheels(builder: MeshBuilder, box: dict[str, int], places: tuple[float, ...], radius: float, name: str) -> None:
    """Wheels on both sides of a box whose bottom is ``radius`` above the ground."""
    for side in ('left', 'right'):
        for place in places:
            builder.face(box[side], disc(place, 0.0, radius), name, _TYRE, layer=2)
            builder.face(box[side], disc(place, 0.0, radius * 0.55), name, _METAL, layer=3)


def _lamps(builder: MeshBuilder, box: dict[str, int], half_width: float, height: float, name: str) -> None:
    """Red lamps and a number plate at the rear, white lamps at the front."""
    for side, color in (('rear', (225.0, 24.0, 20.0)), ('front', (250.0, 246.0, 215.0))):
        for u in (-half_width + 0.2, half_width - 0.2):
            builder.face(box[side], rectangle(u - 0.17, height - 0.09, u + 0.17, height + 0.09), name, color, layer=1)
        builder.face(box[side], rectangle(-0.26, 0.1, 0.26, 0.24), name, (236, 236, 226), layer=1)


def add_car(builder: MeshBuilder, body: int, rng: np.random.Generator) -> None:
    """A car: body, cabin with windows, wheels, lamps."""
    paint, group = random_paint(rng), builder.group()
    width, length, waist = rng.uniform(1.75, 1.95), rng.uniform(3.9, 4.6), rng.uniform(0.88, 1.0)
    roof = waist + rng.uniform(0.5, 0.68)
    box = partial(builder.frustum, group, body, name='car', color=paint, material='paint')
    under = box(base=(width, length), heights=(0.33, waist))
    low, high = (width * 0.94, length * 0.62), (width * 0.76, length * 0.36)
    cabin = box(base=low, top=high, heights=(waist, roof), center=(0.0, -length * 0.06))
    for side, half, slope in (('rear', width * 0.4, 0.8), ('front', width * 0.4, 0.8), ('left', length * 0.24, 0.72)):
        for which in ('left', 'right') if side == 'left' else (side,):
            rise = (roof - waist) * 1.05
            window = [(-half, 0.07), (half, 0.07), (half * slope, rise * 0.9), (-half * slope, rise * 0.9)]
            builder.face(cabin[which], window, 'car', _GLASS, layer=1)
    for side in ('left', 'right'):
        builder.face(cabin[side], rectangle(-0.05, 0.05, 0.06, roof - waist), 'car', paint, layer=2)
        builder.face(under[side], rectangle(-length / 2, 0.0, length / 2, 0.08), 'car', (50, 50, 54), layer=1)
    for side in ('rear', 'front'):
        builder.face(under[side], rectangle(-width / 2, 0.0, width / 2, 0.16), 'car', (50, 50, 54), layer=0)
        for u in (-width / 2, width / 2 - 0.24):
            builder.face(under[side], rectangle(u, -0.33, u + 0.24, 0.02), 'car', _TYRE, layer=0)
    _lamps(builder, under, width / 2, (waist - 0.33) * 0.72, 'car')
    _wheels(builder, under, (-length * 0.31, length * 0.31), 0.33, 'car')
    builder.shadow(body, width * 0.62, length * 0.56)


def add_truck(builder: MeshBuilder, body: int, rng: np.random.Generator) -> None:
    """A truck: cab in front, a large plain box behind."""
    group, paint = builder.group(), random_paint(rng)
    cargo_paint = ((222, 222, 216), (206, 212, 220), (214, 190, 120), (170, 60, 50))[rng.integers(4)]
    length, height = rng.uniform(4.2, 6.0), rng.uniform(2.9, 3.5)
    cargo = builder.frustum(
        group, body, base=(2.4, length), heights=(0.75, height), center=(0.0, -1.1), name='truck', color=cargo_paint,
        material='paint',
    )  # fmt: skip
    cab = builder.frustum(
        group, body, base=(2.2, 1.8), top=(2.1, 1.4), heights=(0.5, 2.4), center=(0.0, length / 2 - 0.1), name='truck',
        color=paint, material='paint',
    )  # fmt: skip
    builder.face(cab['front'], rectangle(-0.95, 0.95, 0.95, 1.7), 'truck', _GLASS, layer=1)
    for side in ('left', 'right'):
        builder.face(cab[side], rectangle(-0.5, 0.95, 0.5, 1.6), 'truck', _GLASS, layer=1)
        builder.face(cargo[side], rectangle(-length / 2, 0.9, length / 2, 1.3), 'truck', paint, layer=1)
    rise = height - 0.75
    builder.face(cargo['rear'], rectangle(-0.04, 0.05, 0.04, rise - 0.05), 'truck', (90, 90, 92), layer=1)
    for v in (0.03, rise - 0.12):
        builder.face(cargo['rear'], rectangle(-1.2, v, 1.2, v + 0.12), 'truck', (90, 90, 92), layer=1)
    for u in (-1.05, 0.6):
        builder.face(cargo['rear'], rectangle(u, -0.75, u + 0.45, 0.0), 'truck', _TYRE, layer=0)
    builder.face(cargo['rear'], rectangle(-1.2, -0.3, 1.2, 0.0), 'truck', (60, 60, 62), layer=1)
    _lamps(builder, cab, 1.1, 0.3, 'truck')
    for u in (-1.0, 0.75):
        builder.face(cargo['rear'], rectangle(u, -0.26, u + 0.25, -0.08), 'truck', (225, 24, 20), layer=2)
    _wheels(builder, cargo, (-length * 0.3, length * 0.36), 0.5, 'truck')
    builder.shadow(body, 1.5, length * 0.75)


def add_bus(builder: MeshBuilder, body: int, rng: np.random.Generator) -> None:
    """A bus: one long box with a band of windows."""
    group = builder.group()
    paint = ((240.0, 196.0, 30.0), (212.0, 40.0, 40.0), (40.0, 130.0, 190.0), (60.0, 150.0, 90.0))[rng.integers(4)]
    length = rng.uniform(8.5, 10.5)
    box = builder.frustum(
        group, body, base=(2.55, length), heights=(0.4, 3.1), name='bus', color=paint, material='paint'
    )
    for side in ('left', 'right'):
        builder.face(box[side], rectangle(-length / 2, 0.0, length / 2, 0.5), 'bus', (230, 230, 226), layer=1)
        for u in np.arange(-length / 2 + 0.3, length / 2 - 1.2, 1.35):
            builder.face(box[side], rectangle(u, 1.1, u + 1.15, 2.2), 'bus', _GLASS, layer=1)
    for side, low in (('rear', 1.3), ('front', 0.8)):
        builder.face(box[side], rectangle(-1.1, low, 1.1, 2.1), 'bus', _GLASS, layer=1)
        builder.face(box[side], rectangle(-0.8, 2.25, 0.8, 2.55), 'bus', (30, 30, 30), layer=1)
        builder.face(box[side], rectangle(-0.6, 2.32, 0.6, 2.48), 'bus', (250, 170, 40), layer=2)
        for u in (-1.2, 0.8):
            builder.face(box[side], rectangle(u, -0.4, u + 0.4, 0.0), 'bus', _TYRE, layer=0)
    _lamps(builder, box, 1.27, 0.45, 'bus')
    _wheels(builder, box, (-length * 0.3, length * 0.33), 0.45, 'bus')
    builder.shadow(body, 1.6, length * 0.54)


def add_bicycle(builder: MeshBuilder, body: int, group: int, color: Color) -> None:
    """A bicycle: a profile along the heading, and what is seen of it from behind."""
    part = builder.part(group, body)
    profile = builder.surface(part, body, u=(0, 0, 1))
    for u in (-0.55, 0.55):
        builder.face(profile, disc(u, 0.38, 0.38), 'bicycle', _TYRE, layer=0)
        builder.face(profile, disc(u, 0.38, 0.29), 'bicycle', (128, 130, 132), layer=1)
    joints = ((-0.55, 0.38), (-0.1, 0.38), (0.42, 0.85), (-0.2, 0.9), (0.55, 0.38), (0.4, 1.05))
    for start, end in ((0, 1), (1, 2), (1, 3), (0, 3), (3, 2), (4, 5)):
        builder.face(profile, bar(joints[start], joints[end], 0.1), 'bicycle', color, layer=2)
    builder.face(profile, rectangle(-0.38, 0.9, -0.02, 1.0), 'bicycle', _TYRE, layer=3)
    builder.face(profile, rectangle(0.3, 1.0, 0.56, 1.1), 'bicycle', _TYRE, layer=3)
    for z in (0.55, -0.55):
        across = builder.surface(part, body, origin=(0, 0, z))
        builder.face(across, rectangle(-0.1, 0.0, 0.1, 0.76), 'bicycle', _TYRE, layer=1)
        if z > 0:
            builder.face(across, rectangle(-0.34, 0.98, 0.34, 1.08), 'bicycle', _METAL, layer=0)
        else:
            builder.face(across, rectangle(-0.13, 0.6, 0.13, 0.78), 'bicycle', color, layer=2)
    builder.shadow(body, 0.3, 0.9)


def add_motorcycle(builder: MeshBuilder, body: int, group: int, color: Color) -> None:
    """A motorcycle: a stout painted body between two thick wheels."""
    box = partial(builder.frustum, group, body, name='motorcycle', material='paint')
    for z in (-0.72, 0.72):
        wheel = box(base=(0.16, 0.3), heights=(0.0, 0.68), center=(0.0, z), color=_TYRE)
        for side in ('left', 'right'):
            builder.face(wheel[side], disc(0.0, 0.35, 0.38), 'motorcycle', _TYRE, layer=1)
            builder.face(wheel[side], disc(0.0, 0.35, 0.2), 'motorcycle', _METAL, layer=2)
    engine = box(base=(0.3, 0.8), heights=(0.22, 0.6), color=(70, 70, 76))
    builder.face(engine['left'], rectangle(-0.3, 0.05, 0.3, 0.25), 'motorcycle', _METAL, layer=1)
    tank = box(base=(0.34, 0.75), top=(0.24, 0.5), heights=(0.6, 1.02), color=color, center=(0.0, 0.22))
    seat = box(base=(0.26, 0.9), top=(0.26, 0.75), heights=(0.66, 0.86), color=(44, 40, 40), center=(0.0, -0.5))
    builder.face(seat['rear'], rectangle(-0.13, 0.02, 0.13, 0.17), 'motorcycle', (235, 24, 20), layer=1)
    builder.face(tank['front'], disc(0.0, 0.22, 0.15), 'motorcycle', (250, 246, 215), layer=1)
    for side, forward in (('left', -1), ('right', 1)):
        fork = bar((forward * 0.5, -0.24), (forward * 0.2, 0.45), 0.1)
        builder.face(tank[side], fork, 'motorcycle', _METAL, layer=1)
    bars = box(base=(0.9, 0.14), heights=(1.0, 1.14), color=(50, 50, 54), center=(0.0, 0.5))
    builder.face(bars['rear'], rectangle(-0.45, 0.0, -0.3, 0.3), 'motorcycle', _METAL, layer=1)
    builder.face(bars['rear'], rectangle(0.3, 0.0, 0.45, 0.3), 'motorcycle', _METAL, layer=1)
    builder.shadow(body, 0.45, 1.1)
