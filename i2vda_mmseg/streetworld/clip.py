"""Frames in memory."""

from collections.abc import Iterator, Sequence

import numpy as np

from .frame import Frame
from .looks import CAMERA, GAME, Look, paint
from .render import project, rasterise, shadow_mask
from .street import Street, build_street

LABELLED_TIME = 19  # Cityscapes labels the 20th frame of 30
_STREET, _FRAME = 0, 1


def first_time(frames: int) -> int:
    """Time of a clip's first frame: 0, or in a clip too short to reach the labelled frame so that it ends there."""
    return max(0, LABELLED_TIME + 1 - frames)


def iterate_clip(
    seed: int | Sequence[int], frames: int, size: tuple[int, int], *, look: Look = CAMERA, moving: bool = True
) -> Iterator[Frame]:
    """Render a clip frame by frame, see ``render_clip``."""
    if frames < 1 or min(size) < 16:
        raise ValueError(f'A clip has at least 1 frame of at least 16 x 16 pixels, got frames={frames}, size={size}.')
    key = [seed] if isinstance(seed, int) else list(seed)
    start = first_time(frames)
    rng = np.random.default_rng([*key, _STREET])
    street = build_street(rng, last_time=max(30, start + frames), moving=moving)
    look = look.varied(rng)
    for time in range(start, start + frames):
        yield _render(street, time, size, look, np.random.default_rng([*key, _FRAME, time]))


def render_clip(
    seed: int | Sequence[int],
    frames: int = 30,
    size: tuple[int, int] = (128, 256),
    *,
    look: Look = CAMERA,
    moving: bool = True,
) -> list[Frame]:
    """Render consecutive frames of one street.

    A clip of 30 frames starts at time 0; a clip of fewer than 20 ends at time 19, the frame that Cityscapes would
    label, so that short and long clips show that frame alike.

    Args:
        seed: Decides the street and everything random about its pictures.
        frames: How many.
        size: (H, W) in pixels, at least 16 each.
        look: ``CAMERA``, ``GAME`` or another.
        moving: False for a scene in which nothing moves, the camera included.

    Raises:
        ValueError: If there are no frames or pixels to render.
    """
    return list(iterate_clip(seed, frames, size, look=look, moving=moving))


def render_still(seed: int | Sequence[int], size: tuple[int, int] = (128, 256), *, look: Look = GAME) -> Frame:
    """Render the labelled frame of a street alone, by default in the game's look."""
    return render_clip(seed, 1, size, look=look)[0]


def _render(street: Street, time: int, size: tuple[int, int], look: Look, rng: np.random.Generator) -> Frame:
    mesh = street.mesh
    projection = project(street, time, size)
    faces = rasterise(projection)
    surfaces = mesh.face_surface.astype(np.int32)[faces]
    rgb = paint(
        look,
        mesh,
        projection,
        samples=rasterise(projection, 2),
        surfaces=surfaces,
        shadows=shadow_mask(street, time, size),
        rng=rng,
    )
    return Frame(rgb, mesh.face_class[faces], surfaces, projection.homographies, time)
