"""What a look does to the colours of a street."""

import numpy as np
import pytest

from i2vda_mmseg.streetworld import CAMERA, CLASS_NAMES, LABELLED_TIME, Look
from i2vda_mmseg.streetworld.looks import paint
from i2vda_mmseg.streetworld.render import project, rasterise
from i2vda_mmseg.streetworld.street import build_street

SIZE = (48, 96)


@pytest.mark.parametrize('name', ['car', 'building', 'terrain'])
def test_a_pigment_changes_its_class_alone(name):
    street = build_street(np.random.default_rng(1), last_time=30, moving=True)
    projection = project(street, LABELLED_TIME, SIZE)
    samples, surfaces = rasterise(projection, 2), street.mesh.face_surface.astype(np.int32)[rasterise(projection)]
    plain, pigmented = (
        paint(
            look,
            street.mesh,
            projection,
            samples=samples,
            surfaces=surfaces,
            shadows=np.zeros(SIZE, np.float32),
            rng=np.random.default_rng(0),
        )
        for look in (Look(), Look(pigments={name: ((255.0, 0.0, 255.0), 1.0)}))
    )
    # Pixels mix 2 x 2 samples, so those at an outline show the class in part.
    shows_class = (street.mesh.face_class[samples] == CLASS_NAMES.index(name)).reshape(SIZE[0], 2, SIZE[1], 2)
    assert shows_class.sum() > 40
    np.testing.assert_array_equal((plain != pigmented).any(axis=-1), shows_class.any(axis=(1, 3)))


def test_the_camera_names_drawn_classes():
    assert set(CAMERA.pigments) <= set(CLASS_NAMES)
    assert all(0 <= share <= 1 for _, share in CAMERA.pigments.values())
