"""The two looks of a street: a game's pictures and a camera's."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from .classes import CLASS_NAMES
from .mesh import Mesh
from .render import Projection
from .textures import texture_field

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_GROUND_STAGE = 1


@dataclass(frozen=True)
class Look:
    """How a street is turned into colours."""

    saturation: float = 1.3  # factor on the distance from grey
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)  # factors on red, green and blue
    contrast: float = 1.05  # factor on the distance from ``pivot``
    pivot: float = 0.5  # brightness (0..1) that contrast leaves alone
    gamma: float = 1.0  # exponent on colours in [0, 1]
    texture: float = 0.0  # factor on the contrast of surface textures; they move with the surfaces
    shadow: float = 0.4  # how much light a shadow takes away
    haze: float = 0.0  # share of haze at ``haze_distance`` metres and, as the limit, far beyond it
    haze_color: tuple[float, float, float] = (198.0, 206.0, 212.0)  # RGB in 0..255
    haze_distance: float = 60.0
    blur: float = 0.0  # standard deviation of the lens blur, in pixels of an image 256 pixels wide
    noise: float = 0.0  # standard deviation of each frame's sensor noise, in 0..255
    flicker: float = 0.0  # standard deviation of each frame's exposure, relative
    shake: float = 0.0  # share of frames that are blurred by a jolt
    variation: float = 0.03  # how much balance, gamma and contrast vary from street to street, relative
    # by drawn class, an RGB colour in 0..255 and the share (0..1) to which its faces take it: a shift of one
    # class against the others, which no global correction of colours undoes
    pigments: Mapping[str, tuple[tuple[float, float, float], float]] = field(default_factory=dict)

    def varied(self, rng: np.random.Generator) -> 'Look':
        """This look as one street shows it."""
        factor = 1 + self.variation * rng.standard_normal(5)
        balance = (self.balance[0] * factor[0], self.balance[1] * factor[1], self.balance[2] * factor[2])
        return replace(self, balance=balance, gamma=self.gamma * factor[3], contrast=self.contrast * factor[4])


GAME = Look()
CAMERA = Look(
    saturation=0.78, balance=(1.04, 1.0, 0.9), contrast=0.92, pivot=0.45, gamma=1.03, texture=0.8, shadow=0.5,
    haze=0.28, blur=0.55, noise=2.0, flicker=0.02, shake=0.15, variation=0.04,
    pigments={
        'sky': ((206, 208, 212), 0.7),  # overcast
        'tree': ((104, 92, 58), 0.55),  # autumn
        'hedge': ((96, 92, 60), 0.5),
        'terrain': ((134, 122, 96), 0.5),  # dry grass
        'building': ((132, 126, 120), 0.55),  # weathered plaster
        'sidewalk': ((112, 112, 116), 0.5),
        'fence': ((112, 96, 80), 0.5),
        'traffic sign': ((150, 150, 150), 0.3),
        'person': ((62, 62, 70), 0.55),  # dark clothes
        'rider': ((62, 62, 70), 0.55),
        'car': ((104, 106, 110), 0.6),
        'truck': ((150, 148, 146), 0.5),
        'bus': ((140, 138, 120), 0.4),
        'bicycle': ((56, 56, 60), 0.5),
        'motorcycle': ((50, 50, 54), 0.5),
    },
)  # fmt: skip


def paint(
    look: Look,
    mesh: Mesh,
    projection: Projection,
    *,
    samples: np.ndarray,
    surfaces: np.ndarray,
    shadows: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Colour a rasterised street: (H, W, 3), uint8, RGB.

    Args:
        look: Which look.
        mesh: The street's geometry.
        projection: The street as the camera sees it.
        samples: (2H, 2W), uint16, face at each sample.
        surfaces: (H, W), int, surface at each pixel.
        shadows: (H, W), float32 in [0, 1].
        rng: Noise, exposure and jolts of this frame.
    """
    height, width = projection.size
    palette = np.rint(_pigmented(look, mesh)).astype(np.uint8)
    rgb = cv2.resize(palette[samples], (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    is_ground = (mesh.group_stage[mesh.part_group[mesh.surface_part]] == _GROUND_STAGE)[surfaces]
    light = 1 - look.shadow * shadows * is_ground
    if look.texture or look.haze:
        uv, depth, footprint = surface_coordinates(projection, surfaces)
        if look.texture:
            light += look.texture * texture_field(uv, footprint, surfaces, mesh.surface_material)
        rgb *= light[..., None]
        share = (look.haze * depth / (depth + look.haze_distance))[..., None]
        rgb += share * (np.array(look.haze_color, np.float32) - rgb)
    else:
        rgb *= light[..., None]
    return _expose(look, _grade(look, rgb), rng)


def _pigmented(look: Look, mesh: Mesh) -> np.ndarray:
    """Colours of the faces, (F, 3), as this look shows their classes."""
    colors = mesh.face_color.copy()
    for name, (pigment, share) in look.pigments.items():
        faces = mesh.face_class == CLASS_NAMES.index(name)
        colors[faces] += share * (np.array(pigment, np.float32) - colors[faces])
    return colors


def surface_coordinates(projection: Projection, surfaces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where on its surface each pixel lies: (u, v) (2, H, W), depth (H, W) and size of a pixel (H, W), in metres."""
    height, width = projection.size
    present, index = np.unique(surfaces, return_inverse=True)
    inverse = np.linalg.inv(projection.homographies[present])
    distance = projection.camera_distance[present].astype(np.float32)[index.reshape(surfaces.shape)]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rows = inverse.reshape(-1, 9).astype(np.float32)[index.reshape(surfaces.shape)]
    u, v, inverse_depth = (rows[..., k] * x + rows[..., k + 1] * y + rows[..., k + 2] for k in (0, 3, 6))
    depth = 1 / np.maximum(inverse_depth, 1e-5)
    # A plane seen at a slant stretches the pixel by depth / distance from the plane.
    footprint = np.square(depth) / (0.75 * width * np.maximum(distance, 0.1))
    return np.stack([u * depth, v * depth]), depth, footprint


def _grade(look: Look, rgb: np.ndarray) -> np.ndarray:
    """Saturation, white balance, contrast and gamma."""
    grey = (rgb @ _LUMA)[..., None]
    rgb = (grey + look.saturation * (rgb - grey)) * np.array(look.balance, np.float32) / 255
    rgb = look.pivot + look.contrast * (rgb - look.pivot)
    return 255 * np.clip(rgb, 0, 1) ** look.gamma


def _expose(look: Look, rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lens and sensor: blur, jolt, exposure, noise."""
    gain, has_jolt = 1 + look.flicker * rng.standard_normal(), rng.random() < look.shake
    angle, reach = rng.uniform(0, np.pi), rng.uniform(2.0, 4.5) * rgb.shape[1] / 256
    if look.blur:
        rgb = cv2.GaussianBlur(rgb, (0, 0), look.blur * rgb.shape[1] / 256)
    if has_jolt:
        rgb = cv2.filter2D(rgb, -1, _jolt_kernel(angle, reach))
    rgb = rgb * gain
    if look.noise:
        rgb += look.noise * rng.standard_normal(rgb.shape, np.float32)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def _jolt_kernel(angle: float, reach: float) -> np.ndarray:
    """A line through the centre of an odd kernel, of the given length in pixels."""
    half = max(1, int(np.ceil(reach / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    ends = [(half + sign * reach / 2 * np.cos(angle), half + sign * reach / 2 * np.sin(angle)) for sign in (-1, 1)]
    corners = [(round(x * 16), round(y * 16)) for x, y in ends]
    cv2.line(kernel, corners[0], corners[1], 1.0, 1, cv2.LINE_8, 4)
    return kernel / kernel.sum()
