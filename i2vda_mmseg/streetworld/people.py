"""Persons on foot and on two wheels: flat figures that face along the road, with legs that swing."""

import numpy as np

from .builder import Color, MeshBuilder, disc, rectangle
from .vehicles import add_bicycle, add_motorcycle, random_paint

_CLOTHES: tuple[Color, ...] = (
    (206, 44, 52), (38, 70, 150), (236, 214, 70), (60, 140, 90), (236, 236, 232), (44, 44, 50), (150, 70, 150),
    (240, 140, 60), (90, 180, 210),
)  # fmt: skip
_TROUSERS: tuple[Color, ...] = ((40, 52, 92), (52, 50, 50), (110, 96, 74), (84, 92, 108))
_SKIN: tuple[Color, ...] = ((232, 186, 154), (196, 144, 108), (130, 88, 62))
_HAIR: tuple[Color, ...] = ((40, 30, 24), (110, 74, 40), (190, 156, 90), (120, 120, 120))


def _pick(rng: np.random.Generator, colors: tuple[Color, ...]) -> Color:
    return colors[rng.integers(len(colors))]


def _upper_body(builder: MeshBuilder, surface: int, name: str, hip: float, rng: np.random.Generator) -> None:
    """Torso, arms and head above the height ``hip``."""
    shirt, skin = _pick(rng, _CLOTHES), _pick(rng, _SKIN)
    torso = [(-0.2, hip - 0.06), (0.2, hip - 0.06), (0.29, hip + 0.5), (0.2, hip + 0.62), (-0.2, hip + 0.62)]
    torso.append((-0.29, hip + 0.5))
    sleeve = (shirt[0] * 0.8, shirt[1] * 0.8, shirt[2] * 0.8)
    for sign in (-1, 1):
        arm = [(sign * 0.24, hip + 0.58), (sign * 0.36, hip + 0.5), (sign * 0.4, hip + 0.02), (sign * 0.29, hip + 0.02)]
        builder.face(surface, arm, name, sleeve, layer=1)
        builder.face(surface, disc(sign * 0.345, hip - 0.02, 0.06, corners=8), name, skin, layer=1)
    builder.face(surface, torso, name, shirt, layer=2)
    builder.face(surface, disc(0.0, hip + 0.78, 0.15, squeeze=1.2), name, _pick(rng, _HAIR), layer=3)
    builder.face(surface, disc(0.0, hip + 0.74, 0.12, squeeze=1.1), name, skin, layer=4)


def add_person(
    builder: MeshBuilder, x: float, z: float, rng: np.random.Generator, velocity: tuple[float, float] = (0.0, 0.0)
) -> None:
    """A person on foot at (x, z) who walks with ``velocity`` (metres per frame)."""
    body = builder.body((x, 0.0, z), yaw=rng.uniform(-0.25, 0.25), velocity=velocity)
    group = builder.group()
    part, hip = builder.part(group, body, (0.0, -1.0, 0.0)), rng.uniform(0.82, 0.96)
    trousers, pace = _pick(rng, _TROUSERS), float(np.hypot(*velocity))
    # Seen from the front a stride hardly shows, seen from the side it opens the legs.
    amplitude = 0.0 if pace == 0 else 0.12 + 0.4 * abs(velocity[0]) / pace
    phase = rng.uniform(0, 2 * np.pi)
    for sign in (-1, 1):
        swing = (amplitude, 0.55, phase + (np.pi if sign > 0 else 0.0))
        leg = builder.body((x + 0.1 * sign, -hip, z), velocity=velocity, swing=swing)
        surface = builder.surface(part, leg, material='cloth')
        shade = 1.0 if sign > 0 else 0.82
        color = (trousers[0] * shade, trousers[1] * shade, trousers[2] * shade)
        builder.face(surface, [(-0.12, 0.04), (0.12, 0.04), (0.08, -hip + 0.08), (-0.08, -hip + 0.08)], 'person', color)
        builder.face(surface, rectangle(-0.1, -hip, 0.13, -hip + 0.09), 'person', (34, 30, 30))
    _upper_body(builder, builder.surface(part, body, material='cloth'), 'person', hip, rng)
    builder.shadow(body, 0.45, 0.35)


def add_rider(
    builder: MeshBuilder,
    x: float,
    z: float,
    rng: np.random.Generator,
    *,
    yaw: float = 0.0,
    velocity: tuple[float, float] = (0.0, 0.0),
    motorised: bool = False,
) -> None:
    """A person on a bicycle or motorcycle at (x, z), headed by ``yaw`` (0 is away from the camera)."""
    body = builder.body((x, 0.0, z), yaw=yaw, velocity=velocity)
    group = builder.group()
    (add_motorcycle if motorised else add_bicycle)(builder, body, group, random_paint(rng))
    # The figure does not turn with the wheels: a flat figure seen edge-on would vanish.
    upright = builder.body((x, 0.0, z - 0.12), velocity=velocity)
    part = builder.part(group, upright, (0.0, -1.2, -0.6))
    surface = builder.surface(part, upright, material='cloth')
    trousers = _pick(rng, _TROUSERS)
    for sign in (-1, 1):
        thigh = [(sign * 0.06, 0.98), (sign * 0.2, 0.98), (sign * 0.27, 0.34), (sign * 0.14, 0.34)]
        builder.face(surface, thigh, 'rider', trousers)
        builder.face(surface, rectangle(sign * 0.2 - 0.08, 0.26, sign * 0.2 + 0.08, 0.36), 'rider', (34, 30, 30))
    _upper_body(builder, surface, 'rider', 0.98, rng)
    if motorised or rng.random() < 0.5:
        builder.face(surface, disc(0.0, 1.78, 0.19), 'rider', random_paint(rng), layer=5)


def add_parked_two_wheeler(
    builder: MeshBuilder, x: float, z: float, rng: np.random.Generator, *, motorised: bool
) -> None:
    """A bicycle or motorcycle left standing, mostly broadside to the camera."""
    body = builder.body((x, 0.0, z), yaw=rng.choice([-1, 1]) * rng.uniform(0.9, 1.9))
    (add_motorcycle if motorised else add_bicycle)(builder, body, builder.group(), random_paint(rng))
