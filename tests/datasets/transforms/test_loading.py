import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from mmseg.registry import TRANSFORMS
from PIL import Image

from i2vda_mmseg.datasets import LoadFramePair, LoadImage, PackFramePair

from .. import trees

BICUBIC = {'type': 'Resize', 'scale': (9, 5), 'keep_ratio': False, 'backend': 'pillow', 'interpolation': 'bicubic'}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


@pytest.fixture
def pair(tmp_path):
    """Data info of two frames, and their pixels."""
    frames = [trees.image(seed) for seed in (0, 1)]
    paths = [tmp_path / f'{name}.png' for name in 'ab']
    for path, frame in zip(paths, frames):
        trees.write_image(path, frame)
    info = {'img_path': str(paths[1]), 'frame_paths': tuple(map(str, paths)), 'frame_keys': ('a.png', 'b.png')}
    return info, frames


def broadcast(*transforms):
    return TRANSFORMS.build(
        {
            'type': 'TransformBroadcaster',
            'mapping': {'img': ['frame_0', 'frame_1']},
            'auto_remap': True,
            'share_random_params': True,
            'transforms': list(transforms),
        }
    )


def as_pil_resizes(image, size):
    return np.asarray(Image.fromarray(image[..., ::-1]).resize(size, Image.Resampling.BICUBIC))[..., ::-1]


def test_image_equals_the_stock_loader(pair):
    info, frames = pair
    stock = TRANSFORMS.build({'type': 'LoadImageFromFile'})(dict(info))
    results = LoadImage()(dict(info))
    assert (results['img'] == stock['img']).all()
    assert (results['img'] == frames[1]).all()
    assert results['ori_shape'] == results['img_shape'] == stock['ori_shape'] == (trees.HEIGHT, trees.WIDTH)


@pytest.mark.parametrize('suffix', ['png', 'jpg'])
def test_broken_images(tmp_path, suffix):
    trees.write_image(tmp_path / f'whole.{suffix}', trees.image(height=60, width=90))
    content = (tmp_path / f'whole.{suffix}').read_bytes()
    (tmp_path / f'cut.{suffix}').write_bytes(content[: len(content) // 2])
    (tmp_path / f'text.{suffix}').write_text('not an image')
    (tmp_path / f'empty.{suffix}').touch()
    for name in ('cut', 'text', 'empty'):
        with pytest.raises(ValueError, match=rf'{name}\.{suffix} (cannot be decoded|is an empty file)'):
            LoadImage()({'img_path': str(tmp_path / f'{name}.{suffix}')})
    with pytest.raises(FileNotFoundError, match=r'no such image: .*none'):
        LoadImage()({'img_path': str(tmp_path / f'none.{suffix}')})


def test_pair_in_order(pair):
    info, frames = pair
    results = LoadFramePair()(dict(info))
    assert (results['frame_0'] == frames[0]).all()
    assert (results['frame_1'] == frames[1]).all()
    assert results['ori_shape'] == (trees.HEIGHT, trees.WIDTH)


def test_pair_errors(pair, tmp_path):
    info, _ = pair
    with pytest.raises(KeyError, match='frame_paths'):
        LoadFramePair()({'img_path': info['img_path']})
    trees.write_image(tmp_path / 'a.png', trees.image(height=4, width=6))
    with pytest.raises(ValueError, match=r'a\.png: 6x4, .*b\.png: 12x8'):
        LoadFramePair()(dict(info))
    (tmp_path / 'a.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.png'):
        LoadFramePair()(dict(info))


def test_resize_is_pillows_bicubic(pair):
    info, frames = pair
    results = Compose([LoadFramePair(), broadcast(BICUBIC)])(dict(info))
    for key, frame in zip(('frame_0', 'frame_1'), frames):
        assert (results[key] == as_pil_resizes(frame, (9, 5))).all()


def test_labels_are_resized_by_nearest(tmp_path):
    raw = trees.raw_label(range(4))
    trees.write_image(tmp_path / 'a.png', trees.image())
    trees.write_index_label(tmp_path / 'l.png', raw)
    info = {'img_path': str(tmp_path / 'a.png'), 'seg_map_path': str(tmp_path / 'l.png'),
            'label_map': {raw_id: raw_id for raw_id in range(4)}}  # fmt: skip
    before = Compose([LoadImage(), {'type': 'LoadRawLabels'}, BICUBIC])(info | {'seg_fields': []})
    assert (before['img'] == as_pil_resizes(trees.image(), (9, 5))).all()
    expected = np.asarray(Image.fromarray(raw).resize((9, 5), Image.Resampling.NEAREST))
    assert (before['gt_seg_map'] == expected).all()
    after = Compose([LoadImage(), BICUBIC, {'type': 'LoadRawLabels'}])(info | {'seg_fields': []})
    assert after['img'].shape == (5, 9, 3)
    assert (after['gt_seg_map'] == raw).all()


def test_random_steps_treat_both_frames_alike(tmp_path):
    ramp = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)
    pipeline = broadcast({'type': 'RandomCrop', 'crop_size': (3, 5)}, {'type': 'RandomFlip', 'prob': 0.5})
    crops = set()
    for _ in range(20):
        results = pipeline({'frame_0': ramp, 'frame_1': 255 - ramp})
        assert results['frame_0'].shape == (3, 5, 3)
        assert (results['frame_0'] == 255 - results['frame_1']).all()
        crops.add(results['frame_0'].tobytes())
    assert len(crops) > 5


def test_pack(pair):
    info, frames = pair
    packed = Compose([LoadFramePair(), PackFramePair()])(dict(info))
    assert packed['inputs'].dtype == torch.uint8
    assert (packed['inputs'].numpy() == np.stack(frames).transpose(0, 3, 1, 2)).all()
    meta = packed['data_samples'].metainfo
    assert meta['frame_keys'] == ('a.png', 'b.png')
    assert meta['frame_paths'] == info['frame_paths']
    assert meta['ori_shape'] == meta['img_shape'] == (8, 12)


def test_pack_knows_the_size_after_resize(pair):
    info, _ = pair
    packed = Compose([LoadFramePair(), broadcast(BICUBIC), PackFramePair()])(dict(info))
    assert packed['inputs'].shape == (2, 3, 5, 9)
    assert packed['data_samples'].metainfo['img_shape'] == (5, 9)
    assert packed['data_samples'].metainfo['ori_shape'] == (8, 12)


def test_pack_refuses_unequal_frames():
    with pytest.raises(ValueError, match=r'\(8, 12, 3\) and \(4, 6, 3\)'):
        PackFramePair()({'frame_0': trees.image(), 'frame_1': trees.image(height=4, width=6)})


def test_only_the_last_frame_is_read_and_treated_once(pair, monkeypatch):
    info, frames = pair
    crop, calls = {'type': 'RandomCrop', 'crop_size': (3, 5)}, []
    both = Compose([LoadFramePair(), broadcast(BICUBIC, crop), PackFramePair()])
    one = Compose([LoadFramePair(only_last=True), broadcast(BICUBIC, crop), PackFramePair()])
    resize = one.transforms[1].transforms.transforms[0]
    monkeypatch.setattr(type(resize), '_resize_img', count_calls(type(resize)._resize_img, calls))
    for seed in range(3):
        np.random.seed(seed)  # noqa: NPY002 - what mmcv's transforms draw from
        whole, after = both(dict(info)), np.random.random()  # noqa: NPY002
        calls.clear()
        np.random.seed(seed)  # noqa: NPY002
        last = one(dict(info))
        assert np.random.random() == after  # noqa: NPY002 - no other draws follow
        assert len(calls) == 1
        assert torch.equal(last['inputs'], whole['inputs'][1:])
        assert last['data_samples'].metainfo == whole['data_samples'].metainfo
    assert (LoadFramePair(only_last=True)(dict(info))['frame_0'] == frames[1]).all()


def test_the_mark_alone_says_that_there_is_one_frame(pair):
    info, frames = pair
    loaded = LoadFramePair(only_last=True)(dict(info))
    loaded['frame_1'] = 255 - loaded['frame_1']  # a step of its own, which changes the last frame
    one = Compose([broadcast(BICUBIC), PackFramePair()])(dict(loaded))
    resized = broadcast(BICUBIC)(dict(loaded, only_last=False))['frame_1']
    assert torch.equal(one['inputs'], torch.from_numpy(resized).permute(2, 0, 1)[None])
    same = dict(frame_0=frames[0], frame_1=frames[0])  # a still scene is a pair
    assert len(Compose([broadcast(BICUBIC), PackFramePair()])(same)['inputs']) == 2


def count_calls(function, calls):
    def counted(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    return counted
