import pytest
import torch
import torch.nn.functional as F
from helpers import data_sample, domain_batch, optimizers, sharpen, tiny_method, tiny_segmentor_cfg
from mmengine.runner import load_checkpoint


def bands(count=3, **options):
    """Networks of one architecture that differ, as methods that hold them."""
    return [sharpen(tiny_method('FDA', **options)).eval() for _ in range(count)]


def saved(models, folder):
    paths = [str(folder / f'stage_{i}.pth') for i in range(len(models))]
    for model, path in zip(models, paths):
        torch.save(dict(state_dict=model.state_dict()), path)
    return paths


def multi_band(paths, **options):
    model = tiny_method('MultiBandSegmentor', checkpoints=paths[1:], **options)
    load_checkpoint(model, paths[0], strict=True)
    return model.eval()


def average(models, images):
    return sum(model.segmentor(images, mode='tensor').softmax(1) for model in models) / len(models)


@pytest.mark.parametrize('resize_logits', ['once', 'twice'])
def test_probabilities_are_averaged_and_resized_to_the_label(tmp_path, resize_logits):
    models = bands()
    model = multi_band(saved(models, tmp_path), resize_logits=resize_logits)
    image = torch.randint(256, (3, 32, 48), dtype=torch.uint8)
    sample = data_sample(ori_shape=(64, 96), img_shape=(32, 48))
    (out,) = model.test_step(dict(inputs=[image], data_samples=[sample]))
    images = model.data_preprocessor.normalize(image[None].float().flip(1))
    with torch.no_grad():
        expected = average(models, images)
        assert torch.equal(model(images, mode='tensor'), expected)
        assert model(images, mode='predict')[0].seg_logits.data.shape == (3, 32, 48)
    for size in [(64, 96)] if resize_logits == 'once' else [(32, 48), (64, 96)]:
        expected = F.interpolate(expected, size, mode='bilinear', align_corners=True)
    expected = expected[0]
    torch.testing.assert_close(out.seg_logits.data.softmax(0), expected)
    assert torch.equal(out.pred_sem_seg.data, expected.argmax(0, keepdim=True))
    each = {tuple(single.segmentor(images, mode='tensor').argmax(1).flatten().tolist()) for single in models}
    assert len(each) == 3


def test_what_the_preprocessor_pads_is_cut_off_again(tmp_path):
    models = bands()
    model = multi_band(saved(models, tmp_path), resize_logits='once')
    model.data_preprocessor.test_cfg = dict(size_divisor=32)
    image = torch.randint(256, (3, 24, 40), dtype=torch.uint8)
    sample = data_sample(ori_shape=(24, 40), img_shape=(24, 40))
    (out,) = model.test_step(dict(inputs=[image], data_samples=[sample]))
    images = F.pad(model.data_preprocessor.normalize(image[None].float().flip(1)), (0, 24, 0, 8))
    with torch.no_grad():
        expected = F.interpolate(average(models, images), (32, 64), mode='bilinear', align_corners=True)
    torch.testing.assert_close(out.seg_logits.data.softmax(0), expected[0, :, :24, :40])


def test_a_plain_network_and_the_models_own_checkpoint_load(tmp_path):
    models = bands(2)
    paths = saved(models, tmp_path)
    torch.save(models[1].segmentor.state_dict(), paths[1])
    model = multi_band(paths)
    whole = tmp_path / 'whole.pth'
    torch.save(dict(state_dict=model.state_dict()), whole)
    other = tiny_method('MultiBandSegmentor', checkpoints=['is never read'])
    load_checkpoint(other, str(whole), strict=True)
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        assert torch.equal(other.eval()(images), model(images))
        torch.testing.assert_close(model(images), average(models, images))


def test_missing_and_misfitting_checkpoints_are_named(tmp_path):
    paths = saved(bands(2), tmp_path)
    model = tiny_method('MultiBandSegmentor', checkpoints=[str(tmp_path / 'stage_9.pth')])
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*stage_9\.pth; train the bands first'):
        load_checkpoint(model, paths[0])
    torch.save(bands(1, num_classes=4)[0].state_dict(), paths[1])
    with pytest.raises(ValueError, match=r'stage_1\.pth does not fit the config: decode_head\.convs\.0\.weight'):
        multi_band(paths)


def test_it_only_tests():
    model = tiny_method('MultiBandSegmentor', checkpoints=['a.pth'])
    with pytest.raises(NotImplementedError, match='only tests'):
        model.train_step(domain_batch(), optimizers(model))


def test_windows_are_averaged_as_the_networks_test_them(tmp_path):
    torch.manual_seed(0)
    windows = dict(
        segmentor=tiny_segmentor_cfg() | dict(test_cfg=dict(mode='slide', crop_size=(16, 24), stride=(8, 16)))
    )
    models = bands(2, **windows)
    paths = saved(models, tmp_path)
    model = tiny_method('MultiBandSegmentor', checkpoints=paths[1:], **windows)
    load_checkpoint(model, paths[0], strict=True)
    images = torch.randn(2, 3, 32, 48)
    metas = [dict(ori_shape=(32, 48), img_shape=(32, 48), pad_shape=(32, 48), padding_size=[0] * 4)] * 2
    with torch.no_grad():
        expected = sum(each.segmentor.slide_inference(images, metas).softmax(1) for each in models) / 2
        found = model.eval()(images)
        assert found.shape == (2, 3, 32, 48)
        torch.testing.assert_close(found, expected)
        whole = models[0].logits(images)
        assert not torch.allclose(models[0].predicted_logits(images), whole)
        torch.testing.assert_close(
            models[0].predicted_logits(images), models[0].segmentor.slide_inference(images, metas)
        )


def test_a_band_may_come_from_a_checkpoint_of_several_ranks(tmp_path):
    paths = saved(bands(2), tmp_path)
    state = torch.load(paths[1])['state_dict']
    torch.save({key.replace('segmentor.', 'segmentor.module.'): value for key, value in state.items()}, paths[1])
    model = multi_band(paths)
    assert torch.equal(model.bands[0].backbone.conv.weight, state['segmentor.backbone.conv.weight'])
    torch.save([1, 2], paths[1])
    with pytest.raises(ValueError, match=r'stage_1\.pth holds no weights, bare or under state_dict; it has a list'):
        multi_band(paths)
