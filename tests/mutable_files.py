"""A small tree of everything that the package reads, and the readers: what ``mutations`` damages."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from i2vda_mmseg.datasets import (
    CityscapesSeqDataset,
    LoadFramePair,
    LoadImage,
    LoadRawLabels,
    SynthiaSeqDataset,
    ViperDataset,
)
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.pseudo_labels import read_labels, read_soft_labels, write_labels, write_soft_labels
from i2vda_mmseg.flow import FlowCache, read_flow, write_davsn, write_flo, write_kitti

SIZE = (48, 72)
NAMES = ('001/001_00010', '001/001_00020', '002/002_00010')
CLIP = [f'ulm/ulm_000000_{number:06d}' for number in range(17, 21)]
FAST = dict(serialize_data=False)  # spares a garbage collection each


class Reader(NamedTuple):
    """A way to read a file.

    Attributes:
        files: The files that are mutated, relative to the tree.
        read: Gives what is read, as arrays.
        untold: Mutations that the format cannot tell when the shape of what is read stays.
    """

    files: tuple[str, ...]
    read: Callable[[Path], list[np.ndarray]]
    untold: tuple[str, ...] = ()


UNTOLD = ('flip', 'flips', 'zeros')  # of formats without checksums: JPEG, .flo, .npy, text, video


def smooth(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def plant(root: Path, size: tuple[int, int] = SIZE) -> Path:
    """Write a small tree of everything that is read."""
    from datasets import trees  # noqa: PLC0415 - where the tests of data sets keep it

    rng = np.random.default_rng(1)
    shape = dict(height=size[0], width=size[1])
    for seed, name in enumerate(NAMES):
        trees.write_image(root / f'viper/train/img/{name}.jpg', smooth(seed, size))
        label = trees.raw_label(range(32), seed, **shape)
        trees.write_index_label(root / f'viper/train/cls/{name}.png', label, with_palette=True)
    (root / 'viper/list.txt').write_bytes('\r\n'.join([f'{name}.jpg' for name in NAMES[::-1]]).encode())
    for seed, name in enumerate(CLIP):
        trees.write_image(trees.frame_path(root / 'cityscapes', name), smooth(seed, size))
    for name in CLIP[1:3]:
        trees.write_index_label(trees.label_path(root / 'cityscapes', name), trees.raw_label(range(34), **shape))
    (root / 'cityscapes/list.txt').write_text(f'{CLIP[2]}_leftImg8bit.png\n{CLIP[1]}_leftImg8bit.png\n')
    trees.write_image(root / 'synthia/rgb/000001.png', smooth(5, size))
    trees.write_red_label(root / 'synthia/label/000001.png', trees.raw_label(range(16), **shape))
    flow = rng.normal(0, 3, (*size, 2)).astype(np.float32)
    for name, write in (('a.flo', write_flo), ('a_int16_x10.npy', write_davsn), ('a_kitti.png', write_kitti)):
        write(root / f'flow/{name}', flow)
    cache = FlowCache.create(root / 'cache', dict(type='DISFlow'), size)
    cache.write('0.png', '1.png', flow)
    cache.path('0.png', '1.png').rename(root / 'cache/field.i2vflow')
    for number in range(3):
        trees.write_image(root / f'frames/clip_{number:04d}.{"jpg" if number else "png"}', smooth(number, size))
    write_labels(str(root / 'pseudo/a.png'), trees.raw_label(range(15), **shape))
    write_soft_labels(str(root / 'pseudo/a.png'), rng.random((3, *size)))
    _write_video(root / 'video.avi', size)
    return root


def _write_video(path: Path, size: tuple[int, int]) -> None:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, size[::-1])
    for seed in range(4):
        video.write(smooth(seed, size))
    video.release()


def _sample(info: dict) -> list[np.ndarray]:
    results = LoadRawLabels()(LoadImage()(info))
    return [results['img'], results['gt_seg_map']]


def _viper(root: Path) -> list[np.ndarray]:
    return _sample(ViperDataset(str(root / 'viper'), **FAST).get_data_info(0))


def _cityscapes(root: Path) -> list[np.ndarray]:
    return _sample(CityscapesSeqDataset(str(root / 'cityscapes'), **FAST).get_data_info(0))


def _synthia(root: Path) -> list[np.ndarray]:
    return _sample(SynthiaSeqDataset(str(root / 'synthia'), **FAST).get_data_info(0))


def _pair(root: Path) -> list[np.ndarray]:
    results = LoadFramePair()(CityscapesSeqDataset(str(root / 'cityscapes'), pairs='labelled', **FAST).get_data_info(0))
    return [results['frame_0'], results['frame_1']]


def _names(dataset: ViperDataset | CityscapesSeqDataset) -> list[np.ndarray]:
    """What a list asks for; each line is an array of its own, since a flip may turn one name into another."""
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    return [np.frombuffer(path.removeprefix(dataset.data_root).encode(), np.uint8) for path in paths]


def _viper_list(root: Path) -> list[np.ndarray]:
    return _names(ViperDataset(str(root / 'viper'), ann_file='list.txt', **FAST))


def _cityscapes_list(root: Path) -> list[np.ndarray]:
    dataset = CityscapesSeqDataset(str(root / 'cityscapes'), pairs='labelled', ann_file='list.txt', **FAST)
    return _names(dataset)


def _cache(root: Path) -> list[np.ndarray]:
    cache = FlowCache(root / 'cache')
    field = root / 'cache/field.i2vflow'
    wanted = cache.path('0.png', '1.png')
    try:
        wanted.symlink_to(field)  # so that a refusal names what was mutated
        if not wanted.exists():
            raise FileNotFoundError(field)
        return [cache.read('0.png', '1.png')]
    except (OSError, ValueError) as error:
        raise type(error)(str(error).replace(wanted.name, field.name)) from error
    finally:
        wanted.unlink()


def _frames(source: Path) -> list[np.ndarray]:
    frames = FrameSource(source)
    return [frames.read(frame) for pair in frames.pairs() for frame in pair]


CITY = 'cityscapes/leftImg8bit_sequence/train/ulm/ulm_000000_0000{}_leftImg8bit.png'
GT = 'cityscapes/gtFine/train/ulm/ulm_000000_000018_gtFine_labelIds.png'
READERS = {
    'viper image': Reader((f'viper/train/img/{NAMES[0]}.jpg',), _viper, UNTOLD),
    'viper label': Reader((f'viper/train/cls/{NAMES[0]}.png',), _viper),
    'cityscapes sample': Reader((CITY.format(18), GT), _cityscapes, ('absent',)),
    'synthia sample': Reader(('synthia/rgb/000001.png', 'synthia/label/000001.png'), _synthia),
    'frame pair': Reader((CITY.format(18), CITY.format(19)), _pair),
    'viper list': Reader(('viper/list.txt',), _viper_list, (*UNTOLD, 'cut')),
    'cityscapes list': Reader(('cityscapes/list.txt',), _cityscapes_list, (*UNTOLD, 'cut')),
    'flow cache': Reader(('cache/field.i2vflow', 'cache/cache.json'), _cache),
    'flo': Reader(('flow/a.flo',), lambda r: [read_flow(r / 'flow/a.flo')], (*UNTOLD, 'size')),
    'npy': Reader(('flow/a_int16_x10.npy',), lambda r: [read_flow(r / 'flow/a_int16_x10.npy')], (*UNTOLD, 'size')),
    'kitti': Reader(('flow/a_kitti.png',), lambda r: [read_flow(r / 'flow/a_kitti.png')], ('size',)),
    'folder': Reader(('frames/clip_0000.png',), lambda r: _frames(r / 'frames'), ('absent', 'folder')),
    'video': Reader(('video.avi',), lambda r: _frames(r / 'video.avi'), (*UNTOLD, 'cut', 'size')),
    'pseudo-labels': Reader(('pseudo/a.png',), lambda r: [read_labels(str(r / 'pseudo/a.png'))], ('size',)),
    'soft pseudo-labels': Reader(('pseudo/a.npz',), lambda r: [read_soft_labels(str(r / 'pseudo/a.png'))], ('size',)),
}  # fmt: skip
OTHERS = ('viper/list.txt', 'cache/cache.json', 'flow/a.flo', 'flow/a_int16_x10.npy', 'cache/field.i2vflow',
          'pseudo/a.npz', f'viper/train/cls/{NAMES[1]}.png', 'synthia/label/000001.png', 'flow/a_kitti.png',
          CITY.format(20), f'viper/train/img/{NAMES[2]}.jpg', 'video.avi')  # fmt: skip
