"""What the preprocessor makes of several frames, in training and at test time."""

import pytest
import torch
from helpers import MEAN, STD, data_sample
from mmseg.registry import MODELS
from two_frame import two_frame_batch


@pytest.fixture
def preprocessor():
    return MODELS.build(dict(type='DomainDataPreprocessor', mean=MEAN, std=STD))


def test_a_source_of_frames_has_them_raw_and_the_last_one_normalised(preprocessor):
    data = two_frame_batch()
    bgr = torch.stack(data['source']['inputs']).float()
    source = preprocessor(data, training=True)['source']
    assert source['frames'].shape == (2, 2, 3, 32, 40)
    assert torch.equal(source['frames'], bgr[:, :, [2, 1, 0]])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(source['inputs'], (bgr[:, 1] - mean) / std)
    assert source['labels'].shape == (2, 32, 40)
    assert source['labels'].dtype == torch.int64


def test_target_frames_may_be_more_than_two(preprocessor):
    data = two_frame_batch(frames=4)
    bgr = torch.stack(data['target']['inputs']).float()
    assert torch.equal(preprocessor(data, training=True)['target']['frames'], bgr[:, :, [2, 1, 0]])


def test_frames_at_test_time_stay_raw_and_images_do_not(preprocessor):
    frames = [torch.randint(0, 256, (2, 3, 8, 12), dtype=torch.uint8) for _ in range(2)]
    samples = [data_sample(), data_sample()]
    batch = preprocessor(dict(inputs=frames, data_samples=samples))
    assert torch.equal(batch['inputs'], torch.stack(frames).float()[:, :, [2, 1, 0]])
    assert len(batch['data_samples']) == 2
    images = preprocessor(dict(inputs=[frame[1] for frame in frames], data_samples=samples))
    torch.testing.assert_close(images['inputs'], preprocessor.normalize(batch['inputs'][:, 1]))
