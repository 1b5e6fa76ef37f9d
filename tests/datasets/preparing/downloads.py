"""Tiny trees in the layouts of the data sets that are known by name."""

import cv2
import numpy as np
from PIL import Image

from i2vda_mmseg.datasets.preparing import known_data

HEIGHT, WIDTH = 6, 10
# by data set: images, their labels, and the split that both belong to
FILES = {
    'gta5': ('images/00001.png', 'labels/00001.png', 'train'),
    'synthia-rand': ('RAND_CITYSCAPES/RGB/0000000.png', 'RAND_CITYSCAPES/GT/LABELS/0000000.png', 'train'),
    'bdd100k': ('bdd100k/images/10k/val/7d06.jpg', 'bdd100k/labels/sem_seg/masks/val/7d06.png', 'val'),
    'kitti-step': ('training/image_02/0002/000000.png', 'panoptic_maps/val/0002/000000.png', 'val'),
    'camvid': ('701_StillsRaw_full/0016E5_07959.png', 'LabeledApproved_full/0016E5_07959_L.png', 'val'),
    'camvid-segnet': ('test/Seq05VD_f00000.png', 'testannot/Seq05VD_f00000.png', 'test'),
    'acdc': (
        'rgb_anon/night/val/GOPR0356/GOPR0356_frame_000321_rgb_anon.png',
        'gt/night/val/GOPR0356/GOPR0356_frame_000321_gt_labelIds.png',
        'night-val',
    ),
    'shift': (
        'discrete/images/val/front/img/007b-5a65/00000010_img_front.jpg',
        'discrete/images/val/front/semseg/007b-5a65/00000010_semseg_front.png',
        'val',
    ),
    'shift-videos': (
        'discrete/videos/train/front/img/0003-17fb/00000001_img_front.jpg',
        'discrete/videos/train/front/semseg/0003-17fb/00000001_semseg_front.png',
        'train',
    ),
    'carla': ('rgb/000100.png', 'semantic/000100.png', 'train'),
    'carla-0.9.13': ('rgb/000100.png', 'semantic/000100.png', 'train'),
    'cityscapes': (
        'leftImg8bit_sequence/train/ulm/ulm_000000_000019_leftImg8bit.png',
        'gtFine/train/ulm/ulm_000000_000019_gtFine_labelIds.png',
        'train',
    ),
}


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_label(path, data, ids):
    """Write raw ids as the data set stores them."""
    encoding = data.layouts[0].encodings[0]
    if encoding == 'index':
        write(path, ids)
    elif encoding == 'colours':
        write(path, np.array(data.colours, np.uint8)[ids])
    else:
        deep = np.uint16 if data.name == 'synthia-rand' else np.uint8
        stored = np.dstack([ids.T.reshape(ids.shape), ids[::-1], ids]).astype(deep)  # BGR: other numbers beside red
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), stored)


def tree(root, name, ids=None):
    """One image with a label that holds every raw id, or other ids."""
    data, (image, label, split) = known_data(name), FILES[name]
    every = np.resize(np.array([*data.labels], np.uint8), (HEIGHT, WIDTH))
    write(root / image, np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    write_label(root / label, data, every if ids is None else ids)
    return data, split, every
