"""The camera that drives along the street."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera 1.5 m above the ground, moving along the road with a slight sway."""

    speed: float  # metres per frame along z
    x: float  # mean lateral position in metres
    sway: float  # amplitude of the lateral sway in metres
    yaw: float  # amplitude of the yaw in radians
    phase: float  # of sway and yaw
    period: float = 45.0  # of sway and yaw, in frames
    height: float = 1.5

    def pose(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3, 3), world to camera, and position (3,) in the world at a time in frames."""
        angle = 2 * np.pi * time / self.period + self.phase
        yaw = self.yaw * np.sin(angle)
        rotation = np.array([[np.cos(yaw), 0.0, -np.sin(yaw)], [0.0, 1.0, 0.0], [np.sin(yaw), 0.0, np.cos(yaw)]])
        return rotation, np.array([self.x + self.sway * np.cos(angle), -self.height, self.speed * time])

    @staticmethod
    def intrinsics(size: tuple[int, int]) -> np.ndarray:
        """Pinhole matrix (3, 3) for an image of ``size`` = (H, W); pixel centres lie on integers."""
        height, width = size
        focal = 0.75 * width
        return np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, 0.45 * height], [0.0, 0.0, 1.0]])


def random_camera(rng: np.random.Generator, moving: bool) -> Camera:
    """A camera in the right-hand lane; a camera that does not move neither drives nor sways."""
    speed, sway, yaw = rng.uniform(0.25, 0.5), rng.uniform(0.0, 0.25), np.radians(rng.uniform(0.3, 2.0))
    x, phase = rng.uniform(1.3, 2.0), rng.uniform(0, 2 * np.pi)
    if not moving:
        return Camera(0.0, x, 0.0, 0.0, phase)
    return Camera(speed, x, sway, yaw, phase)
