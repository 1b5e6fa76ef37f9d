"""What hides what."""

import numpy as np

from i2vda_mmseg.streetworld.builder import MeshBuilder, rectangle
from i2vda_mmseg.streetworld.mesh import paint_order


def _painted(boxes, stages=None):
    """Names of upright boxes (x, z, width, length) in the order of painting, camera at x = z = 0."""
    builder = MeshBuilder()
    for (x, z, width, length), stage in zip(boxes, stages or [3] * len(boxes)):
        body = builder.body((x, 0.0, z))
        part = builder.part(builder.group(stage), body)
        surface = builder.surface(part, body, v=(0, 0, 1))
        builder.face(surface, rectangle(-width / 2, -length / 2, width / 2, length / 2), 'car', (0, 0, 0))
    mesh = builder.build()
    owner = np.repeat(mesh.face_surface, np.diff(mesh.face_start))
    points = mesh.vertices + mesh.body_position[mesh.surface_body[owner]][:, [0, 2]]
    return paint_order(mesh, points, np.zeros(len(boxes))).tolist()


def test_far_before_near():
    assert _painted([(0, 5, 1, 1), (0, 20, 1, 1), (0, 10, 1, 1)]) == [1, 2, 0]


def test_a_long_bus_hides_who_stands_beside_it():
    bus, bystander = (4.2, 13, 2.5, 10), (7.0, 10, 0.6, 0.1)
    assert _painted([bus, bystander]) == [1, 0]


def test_who_stands_before_a_long_bus_hides_it():
    bus, cyclist = (4.2, 13, 2.5, 10), (1.8, 16, 0.6, 1.0)
    assert _painted([cyclist, bus]) == [1, 0]


def test_stages_come_before_distance():
    assert _painted([(0, 5, 1, 1), (0, 50, 1, 1)], stages=[2, 3]) == [0, 1]
