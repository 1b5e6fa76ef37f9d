"""Where everything stands: a street from a seed."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .builder import Color, MeshBuilder, rectangle
from .camera import Camera, random_camera
from .mesh import Mesh
from .people import add_parked_two_wheeler, add_person, add_rider
from .roadside import add_building, add_fence, add_hedge, add_traffic_light, add_traffic_sign, add_tree
from .vehicles import add_bus, add_car, add_truck

_BEHIND = -8.0
_VIEW = 90.0  # metres of street ahead of the last frame
_FASTEST = 0.5  # metres per frame of the fastest camera


@dataclass(frozen=True)
class _Side:
    """One side of a street: -1 is left, 1 is right; widths from the middle of the road in metres."""

    sign: int
    has_parking: bool
    curb: float
    walk: float  # outer edge of the sidewalk
    front: float  # where houses begin, beyond a strip of grass


@dataclass(frozen=True)
class Street:
    """A street and the camera that drives along it."""

    mesh: Mesh  # all geometry and its motion
    camera: Camera  # where the pictures are taken


def build_street(rng: np.random.Generator, *, last_time: float = 30.0, moving: bool = True) -> Street:
    """Make up a street.

    Args:
        rng: Decides everything.
        last_time: Time in frames up to which the street must reach far enough ahead of the camera.
        moving: Whether camera, traffic and pedestrians move at all.
    """
    camera = random_camera(rng, moving)
    builder = MeshBuilder()
    end = _VIEW + _FASTEST * last_time
    _add_sky(builder)
    crossing = rng.uniform(19.0, 30.0)
    sides = [_random_side(sign, rng) for sign in (-1, 1)]
    _add_ground(builder, sides, end, crossing, rng)
    for side in sides:
        _add_frontage(builder, side, end, rng)
        _add_sidewalk_life(builder, side, end, rng, moving)
        if side.has_parking:
            _add_parked(builder, side, end, rng)
    _add_traffic(builder, rng, moving)
    _add_crossing(builder, crossing, rng, moving)
    return Street(builder.build(), camera)


def _random_side(sign: int, rng: np.random.Generator) -> _Side:
    has_parking = bool(rng.random() < 0.4)
    curb = 5.5 if has_parking else rng.uniform(3.6, 4.0)
    walk = curb + rng.uniform(2.3, 3.2)
    return _Side(sign, has_parking, curb, walk, walk + rng.uniform(2.5, 6.0))


def _add_sky(builder: MeshBuilder) -> None:
    """A backdrop so far away that driving does not move it: bands that brighten towards the horizon, and clouds."""
    body = builder.body((0.0, 0.0, 3000.0))
    part = builder.part(builder.group(stage=0), body)
    surface = builder.surface(part, body, material='clouds')
    edges = (-4000.0, 60.0, 180.0, 330.0, 520.0, 760.0, 9000.0)
    for band, (low, high) in enumerate(pairwise(edges)):
        fade = band / 5
        color = (176 - 96 * fade, 212 - 60 * fade, 246 - 16 * fade)
        builder.face(surface, rectangle(-9000, low, 9000, high), 'sky', color, layer=band)


def _add_ground(
    builder: MeshBuilder, sides: list[_Side], end: float, crossing: float, rng: np.random.Generator
) -> None:
    """Grass, sidewalks, roadway and markings, all on the one surface y = 0."""
    body = builder.body((0.0, 0.0, 0.0))
    part = builder.part(builder.group(stage=1), body)
    ground = builder.surface(part, body, u=(1, 0, 0), v=(0, 0, 1), material='ground')
    grass: Color = ((104, 152, 62), (126, 146, 66), (146, 132, 84))[rng.integers(3)]
    asphalt, paving = float(rng.uniform(84, 112)), float(rng.uniform(168, 196))
    far = end + 60.0

    def strip(left: float, right: float, name: str, color: Color, layer: int) -> None:
        """Lay a strip of ground along the street, between two distances from its middle."""
        builder.face(ground, rectangle(left, _BEHIND, right, far), name, color, layer=layer)

    strip(-400.0, 400.0, 'terrain', grass, 0)
    left, right = sides
    strip(-left.walk, right.walk, 'sidewalk', (paving, paving * 0.96, paving * 0.92), 1)
    strip(-left.curb - 0.22, right.curb + 0.22, 'sidewalk', (paving * 0.72, paving * 0.72, paving * 0.72), 2)
    strip(-left.curb, right.curb, 'road', (asphalt, asphalt, asphalt * 1.04), 3)
    for side in sides:
        strip(side.sign * 3.25 - 0.07, side.sign * 3.25 + 0.07, 'lane marking', (226, 226, 222), 4)
        low, high = sorted((side.sign * (side.curb + 0.3), side.sign * side.walk))
        for z in np.arange(_BEHIND, end, 2.0):
            joint = rectangle(low, z, high, z + 0.08)
            builder.face(ground, joint, 'sidewalk', (paving * 0.86,) * 3, layer=2)
    for z in np.arange(_BEHIND, end, 6.0):
        builder.face(ground, rectangle(-0.09, z, 0.09, z + 3.0), 'lane marking', (236, 236, 230), layer=4)
    for x in np.arange(-left.curb + 0.4, right.curb - 0.5, 1.0):
        stripe = rectangle(x, crossing - 1.6, x + 0.52, crossing + 1.6)
        builder.face(ground, stripe, 'lane marking', (236, 236, 230), layer=5)


def _add_frontage(builder: MeshBuilder, side: _Side, end: float, rng: np.random.Generator) -> None:
    """Houses and gaps with greenery along one side, behind a strip of grass with fences and hedges."""
    z, setback = _BEHIND, side.front
    while z < end + 40:
        length = rng.uniform(9.0, 17.0)
        if rng.random() < 0.6:
            add_building(builder, side.sign, setback + rng.uniform(0.0, 0.8), (z, z + length), rng)
        else:
            length = rng.uniform(6.0, 12.0)
            for _ in range(4):
                x = side.sign * (setback + rng.uniform(1.5, 9.0))
                add_tree(builder, x, z + rng.uniform(0.0, length), rng, stage=2)
            add_hedge(builder, side.sign * (setback + rng.uniform(9.0, 12.0)), (z, z + length), rng, 3.0)
        z += length
    z = _BEHIND
    while z < end:
        length, choice = rng.uniform(4.0, 8.0), rng.random()
        if choice < 0.6:
            add_fence(builder, side.sign, rng.uniform(side.front - 1.0, side.front - 0.3), (z, z + length), rng)
        elif choice < 0.74:
            add_hedge(builder, side.sign * (side.front - 0.6), (z, z + length), rng)
        z += length


def _add_sidewalk_life(builder: MeshBuilder, side: _Side, end: float, rng: np.random.Generator, moving: bool) -> None:
    """Posts along the curb, and people and parked two-wheelers on the sidewalk."""
    z = rng.uniform(4.0, 8.0)
    while z < end:
        choice, x = rng.random(), side.curb + rng.uniform(0.3, 0.7)
        if choice < 0.24:
            add_tree(builder, side.sign * (x + 0.5), z, rng)
        elif choice < 0.62:
            add_traffic_light(builder, side.sign, x, z, rng)
        else:
            add_traffic_sign(builder, side.sign, x, z, rng)
        z += rng.uniform(4.5, 8.0)
    z = rng.uniform(8.0, 12.0)
    while z < end:
        choice, x = rng.random(), side.sign * rng.uniform(side.curb + 0.8, side.walk - 0.5)
        if choice < 0.5:
            pace = rng.choice([-1, 0, 1]) * rng.uniform(0.04, 0.09) * moving
            for _ in range(rng.integers(1, 4)):
                beside = x + rng.uniform(-0.7, 0.7)
                add_person(builder, beside, z + rng.uniform(-0.8, 0.8), rng, (0.0, pace))
        else:
            add_parked_two_wheeler(
                builder, side.sign * (side.curb + rng.uniform(0.9, 1.7)), z, rng, motorised=choice < 0.74
            )
        z += rng.uniform(2.5, 6.0)


def _add_parked(builder: MeshBuilder, side: _Side, end: float, rng: np.random.Generator) -> None:
    """Vehicles parked along the curb, with gaps; two-wheelers broadside between them."""
    z = rng.uniform(4.0, 20.0)
    while z < end:
        choice = rng.random()
        yaw = (0.0 if side.sign > 0 else np.pi) + rng.uniform(-0.03, 0.03)
        if choice < 0.42:
            add_car(builder, builder.body((side.sign * 4.5, 0.0, z), yaw=yaw), rng)
        elif choice < 0.52:
            add_truck(builder, builder.body((side.sign * 4.25, 0.0, z), yaw=yaw), rng)
        elif choice < 0.58:
            add_bus(builder, builder.body((side.sign * 4.2, 0.0, z), yaw=yaw), rng)
            z += 4.0
        elif choice < 0.82:
            for step in range(2):
                add_parked_two_wheeler(builder, side.sign * 4.6, z - 1.0 + 2.2 * step, rng, motorised=choice < 0.72)
        z += rng.uniform(7.0, 10.0)


def _add_traffic(builder: MeshBuilder, rng: np.random.Generator, moving: bool) -> None:
    """Vehicles ahead in the camera's lane and oncoming ones, each lane at one speed."""
    for lane, start, yaw, spacing in ((1.65, rng.uniform(17.0, 34.0), 0.0, 15.0), (-1.65, 17.0, np.pi, 11.0)):
        speed = rng.uniform(0.35, 0.5) * moving * (1 if lane > 0 else -1)
        z = start if lane > 0 else start + rng.uniform(0.0, 12.0)
        while z < 120.0:
            _add_vehicle(builder, lane + rng.uniform(-0.25, 0.25), z, yaw, speed, rng)
            z += spacing * rng.uniform(0.9, 1.9)


def _add_vehicle(builder: MeshBuilder, x: float, z: float, yaw: float, speed: float, rng: np.random.Generator) -> None:
    kind = rng.choice(['car', 'truck', 'bus', 'motorcycle', 'bicycle'], p=[0.38, 0.13, 0.11, 0.19, 0.19])
    if kind in {'motorcycle', 'bicycle'}:
        add_rider(builder, x, z, rng, yaw=yaw, velocity=(0.0, speed), motorised=kind == 'motorcycle')
        return
    body = builder.body((x, 0.0, z), yaw=yaw, velocity=(0.0, speed))
    {'car': add_car, 'truck': add_truck, 'bus': add_bus}[kind](builder, body, rng)


def _add_crossing(builder: MeshBuilder, z: float, rng: np.random.Generator, moving: bool) -> None:
    """People, and often a cyclist, who cross the road ahead."""
    for _ in range(rng.integers(1, 4)):
        direction = rng.choice([-1, 1])
        x = rng.uniform(-4.0, 4.0) - direction * 1.5
        add_person(builder, x, z + rng.uniform(-1.2, 1.2), rng, (direction * rng.uniform(0.05, 0.09) * moving, 0.0))
    if rng.random() < 0.6:
        direction = rng.choice([-1, 1])
        start, pace = rng.uniform(-5.0, 2.0) * direction, direction * rng.uniform(0.1, 0.2) * moving
        motorised = bool(rng.random() < 0.4)
        yaw = direction * np.pi / 2 + rng.uniform(-0.3, 0.3)
        add_rider(builder, start, z + rng.uniform(2.0, 5.0), rng, yaw=yaw, velocity=(pace, 0.0), motorised=motorised)
