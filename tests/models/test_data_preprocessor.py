from copy import deepcopy

import pytest
import torch
from helpers import MEAN, STD, data_sample, domain_batch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor

from i2vda_mmseg.models import DomainDataPreprocessor

OPTIONS = [
    dict(mean=MEAN, std=STD),
    dict(mean=MEAN, std=STD, bgr_to_rgb=True),
    dict(mean=MEAN, std=STD, rgb_to_bgr=True),
    dict(bgr_to_rgb=True),
    dict(),
]


@pytest.mark.parametrize('options', OPTIONS)
def test_source_equals_the_hosts_preprocessor(options):
    source = domain_batch()['source']
    ours = DomainDataPreprocessor(**options)(domain_batch(), training=True)['source']
    theirs = SegDataPreProcessor(size=(32, 40), **options)(deepcopy(source), training=True)
    torch.testing.assert_close(ours['inputs'], theirs['inputs'])
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in theirs['data_samples']])
    assert torch.equal(ours['labels'], labels)
    assert ours['labels'].dtype == torch.int64
    assert len(ours['data_samples']) == 2


@pytest.mark.parametrize('options', OPTIONS)
def test_normalised_frames_equal_the_hosts_preprocessor(options):
    preprocessor = DomainDataPreprocessor(**options)
    frames = preprocessor(domain_batch(), training=True)['target']['frames']
    for i in range(2):
        images = [clip[i] for clip in domain_batch()['target']['inputs']]
        theirs = SegDataPreProcessor(**options)(dict(inputs=images))['inputs']
        torch.testing.assert_close(preprocessor.normalize(frames[:, i]), theirs)


@pytest.mark.parametrize('options', OPTIONS)
def test_target_frames_are_raw_rgb(options):
    target = DomainDataPreprocessor(**options)(domain_batch(keys=True), training=True)['target']
    bgr = torch.stack(domain_batch()['target']['inputs'])
    assert target['frames'].dtype == torch.float32
    assert target['frames'].shape == (2, 2, 3, 32, 48)
    for ours, theirs in ((0, 2), (1, 1), (2, 0)):
        assert torch.equal(target['frames'][:, :, ours], bgr[:, :, theirs].float())
    assert [sample.frame_keys for sample in target['data_samples']] == [('0/a.png', '0/b.png'), ('1/a.png', '1/b.png')]


def test_stacked_batches_are_accepted():
    """A collate function may stack the samples already."""
    listed, stacked = domain_batch(), domain_batch()
    for domain in stacked.values():
        domain['inputs'] = torch.stack(domain['inputs'])
    preprocessor = DomainDataPreprocessor(mean=MEAN, std=STD)
    ours, expected = preprocessor(stacked, training=True), preprocessor(listed, training=True)
    assert torch.equal(ours['source']['inputs'], expected['source']['inputs'])
    assert torch.equal(ours['target']['frames'], expected['target']['frames'])


def test_does_not_change_the_batch():
    batch = domain_batch()
    DomainDataPreprocessor(mean=MEAN, std=STD)(batch, training=True)
    for domain, expected in domain_batch().items():
        for image, original in zip(batch[domain]['inputs'], expected['inputs']):
            assert torch.equal(image, original)


@pytest.mark.parametrize('options', OPTIONS)
def test_test_time_is_the_hosts(options):
    image = torch.randint(256, (3, 16, 24), dtype=torch.uint8)
    data = dict(inputs=[image], data_samples=[data_sample()])
    ours = DomainDataPreprocessor(**options)(deepcopy(data), training=False)
    theirs = SegDataPreProcessor(**options)(deepcopy(data), training=False)
    assert torch.equal(ours['inputs'], theirs['inputs'])


def test_labels_of_another_size_than_their_image():
    batch = domain_batch()
    batch['source']['data_samples'] = [data_sample(torch.zeros(64, 80, dtype=torch.int64)) for _ in range(2)]
    with pytest.raises(ValueError, match=r'\(32, 40\) but their labels \(64, 80\)'):
        DomainDataPreprocessor()(batch, training=True)


def ragged_batch(height=29):
    """Images of two sizes in each domain, with labels, soft labels, flow and an I_t that go with them."""
    batch = domain_batch(pseudo=True)
    for domain in ('source', 'target'):
        images, samples = batch[domain]['inputs'], batch[domain]['data_samples']
        images[1] = images[1][..., :height, :-5]
        samples[1].gt_sem_seg = PixelData(data=samples[1].gt_sem_seg.data[..., :height, :-5])
        for image, sample in zip(images, samples):
            size = image.shape[-2:]
            sample.gt_soft_label = PixelData(data=torch.ones(3, *size, dtype=torch.uint8))
            sample.flow_10 = PixelData(data=torch.ones(2, *size))
            sample.frame_t = PixelData(data=torch.ones(3, *size))
    return batch


@pytest.mark.parametrize(('options', 'source_size', 'target_size'), [
    (dict(size=(40, 56)), (40, 56), (40, 56)),
    (dict(size=(16, 16)), (32, 40), (32, 48)),  # mmseg's never crops
    (dict(size_divisor=7), (35, 42), (35, 49)),
    (dict(size_divisor=1), (32, 40), (32, 48)),
])  # fmt: skip
@pytest.mark.parametrize('colours', OPTIONS)
def test_images_of_several_sizes_are_padded_as_the_host_does(options, source_size, target_size, colours):
    options = options | colours | dict(pad_val=0.5, seg_pad_val=254)
    preprocessor = DomainDataPreprocessor(**options)
    batch = preprocessor(ragged_batch(), training=True)
    host_options = dict(options, size=source_size, size_divisor=None)
    theirs = SegDataPreProcessor(**host_options)(ragged_batch()['source'], training=True)
    torch.testing.assert_close(batch['source']['inputs'], theirs['inputs'], rtol=1e-5, atol=1e-4)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in theirs['data_samples']])
    assert torch.equal(batch['source']['labels'], labels)
    frames = [clip[1] for clip in ragged_batch()['target']['inputs']]
    samples = ragged_batch()['target']['data_samples']
    theirs = SegDataPreProcessor(**dict(host_options, size=target_size))(
        dict(inputs=frames, data_samples=samples), training=True
    )
    ours = preprocessor.normalize(batch['target']['frames'][:, 1])
    torch.testing.assert_close(ours, theirs['inputs'], rtol=1e-5, atol=1e-4)
    assert batch['target']['labels'].shape[-2:] == target_size
    assert (batch['target']['labels'][1, 29:] == 254).all()


def test_images_of_several_sizes_are_padded_to_the_largest_where_no_size_is_given():
    batch = ragged_batch()
    sizes = [[tuple(image.shape[-2:]) for image in batch[domain]['inputs']] for domain in ('source', 'target')]
    source_size, target_size = [tuple(map(max, zip(*each))) for each in sizes]
    assert all(len(set(each)) == 2 for each in sizes)
    padded = DomainDataPreprocessor(mean=MEAN, std=STD, seg_pad_val=254)(batch, training=True)
    assert padded['source']['inputs'].shape == (2, 3, *source_size)
    assert padded['target']['frames'].shape[-2:] == target_size
    same = DomainDataPreprocessor(mean=MEAN, std=STD, seg_pad_val=254, size=source_size)(ragged_batch(), training=True)
    for key in ('inputs', 'labels'):
        assert torch.equal(padded['source'][key], same['source'][key]), key


def test_what_the_samples_carry_is_padded_too():
    preprocessor = DomainDataPreprocessor(mean=MEAN, std=STD, size_divisor=8)
    target = preprocessor(ragged_batch(), training=True)['target']
    sample = target['data_samples'][1]
    for name, channels in (('gt_soft_label', 3), ('flow_10', 2), ('frame_t', 3), ('gt_sem_seg', 1)):
        assert getattr(sample, name).data.shape == (channels, 32, 48), name
    for name in ('gt_soft_label', 'flow_10'):
        assert getattr(sample, name).data.sum() == getattr(ragged_batch()['target']['data_samples'][1], name).data.sum()
    frame = preprocessor.normalize(sample.frame_t.data[None])
    assert not frame[..., 29:, :].any()
    assert not frame[..., 43:].any()
    assert sample.metainfo['padding_size'] == [0, 5, 0, 3]
    assert sample.metainfo['img_shape'] == (29, 43)
    assert torch.equal(sample.gt_sem_seg.data[0], target['labels'][1])


def test_sizes_that_cannot_be():
    with pytest.raises(TypeError, match='batch_augments'):
        DomainDataPreprocessor(batch_augments=[dict(type='BatchSyncRandomResize')])
    with pytest.raises(ValueError, match='size or size_divisor, not both'):
        DomainDataPreprocessor(size=(32, 40), size_divisor=32)


def test_pseudo_labels_of_the_target_come_along():
    batch = domain_batch()
    labels = torch.randint(3, (2, 32, 48))
    batch['target']['data_samples'] = [data_sample(label) for label in labels]
    target = DomainDataPreprocessor()(batch, training=True)['target']
    assert torch.equal(target['labels'], labels)
    assert target['labels'].dtype == torch.int64
    assert 'labels' not in DomainDataPreprocessor()(domain_batch(), training=True)['target']
    batch['target']['data_samples'] = [data_sample(label) for label in labels[:, :-1]]
    with pytest.raises(ValueError, match=r'target images are \(32, 48\) but their labels \(31, 48\)'):
        DomainDataPreprocessor()(batch, training=True)


def test_samples_say_their_shapes_as_the_hosts_do():
    """Heads of queries read them."""
    source = DomainDataPreprocessor()(domain_batch(), training=True)['source']
    theirs = SegDataPreProcessor(size=(32, 40))(domain_batch()['source'], training=True)
    for ours, host in zip(source['data_samples'], theirs['data_samples']):
        for key in ('img_shape', 'pad_shape'):
            assert tuple(ours.metainfo[key]) == tuple(host.metainfo[key]), key
        assert list(ours.metainfo['padding_size']) == list(host.metainfo['padding_size'])


def test_copies_to_the_device_do_not_block(monkeypatch):
    copies = []
    monkeypatch.setattr(
        torch.Tensor, 'to', lambda tensor, *_, non_blocking=False, **__: copies.append(non_blocking) or tensor
    )
    DomainDataPreprocessor().cast_data(domain_batch())
    assert copies
    assert all(copies)


def test_labels_may_be_bytes():
    batch, bytes_ = domain_batch(pseudo=True), domain_batch(pseudo=True)
    for sample in (*bytes_['source']['data_samples'], *bytes_['target']['data_samples']):
        sample.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data.to(torch.uint8))
    wide, narrow = (DomainDataPreprocessor()(each, training=True) for each in (batch, bytes_))
    for domain in ('source', 'target'):
        assert narrow[domain]['labels'].dtype == torch.int64
        assert torch.equal(narrow[domain]['labels'], wide[domain]['labels'])
        assert narrow[domain]['data_samples'][0].gt_sem_seg.data.dtype == torch.int64
