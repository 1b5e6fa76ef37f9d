"""Class spaces and raw-id tables, data only: what a label id means in each data set.

A raw id that a table does not name becomes 255 (ignored). Tables follow DA-VSN (Guan et al., ICCV 2021), the protocol
of the paper's Tables 1 and 2: trees are merged into vegetation, riders into persons, vans and lane markings ignored.
"""

CLASSES_15 = (
    'road', 'sidewalk', 'building', 'fence', 'traffic light', 'traffic sign', 'vegetation', 'terrain', 'sky',
    'person', 'car', 'truck', 'bus', 'motorcycle', 'bicycle',
)  # fmt: skip
CLASSES_12 = (
    'road', 'sidewalk', 'building', 'fence', 'pole', 'traffic light', 'traffic sign', 'vegetation', 'sky',
    'person', 'rider', 'car',
)  # fmt: skip

_COLORS = {
    'road': (128, 64, 128), 'sidewalk': (244, 35, 232), 'building': (70, 70, 70), 'fence': (190, 153, 153),
    'pole': (153, 153, 153), 'traffic light': (250, 170, 30), 'traffic sign': (220, 220, 0),
    'vegetation': (107, 142, 35), 'terrain': (152, 251, 152), 'sky': (70, 130, 180), 'person': (220, 20, 60),
    'rider': (255, 0, 0), 'car': (0, 0, 142), 'truck': (0, 0, 70), 'bus': (0, 60, 100), 'motorcycle': (0, 0, 230),
    'bicycle': (119, 11, 32),
}  # fmt: skip
PALETTE_15 = [list(_COLORS[name]) for name in CLASSES_15]
PALETTE_12 = [list(_COLORS[name]) for name in CLASSES_12]

VIPER_RAW_IDS = {
    'unlabeled': 0, 'ambiguous': 1, 'sky': 2, 'road': 3, 'sidewalk': 4, 'railtrack': 5, 'terrain': 6, 'tree': 7,
    'vegetation': 8, 'building': 9, 'infrastructure': 10, 'fence': 11, 'billboard': 12, 'trafficlight': 13,
    'trafficsign': 14, 'mobilebarrier': 15, 'firehydrant': 16, 'chair': 17, 'trash': 18, 'trashcan': 19,
    'person': 20, 'animal': 21, 'bicycle': 22, 'motorcycle': 23, 'car': 24, 'van': 25, 'bus': 26, 'truck': 27,
    'trailer': 28, 'train': 29, 'plane': 30, 'boat': 31,
}  # fmt: skip
SYNTHIA_RAW_IDS = {
    'void': 0, 'sky': 1, 'building': 2, 'road': 3, 'sidewalk': 4, 'fence': 5, 'vegetation': 6, 'pole': 7, 'car': 8,
    'traffic sign': 9, 'pedestrian': 10, 'bicycle': 11, 'lane-marking': 12, 'reserved 13': 13, 'reserved 14': 14,
    'traffic light': 15,
}  # fmt: skip
CITYSCAPES_RAW_IDS = {
    'unlabeled': 0, 'ego vehicle': 1, 'rectification border': 2, 'out of roi': 3, 'static': 4, 'dynamic': 5,
    'ground': 6, 'road': 7, 'sidewalk': 8, 'parking': 9, 'rail track': 10, 'building': 11, 'wall': 12, 'fence': 13,
    'guard rail': 14, 'bridge': 15, 'tunnel': 16, 'pole': 17, 'polegroup': 18, 'traffic light': 19,
    'traffic sign': 20, 'vegetation': 21, 'terrain': 22, 'sky': 23, 'person': 24, 'rider': 25, 'car': 26,
    'truck': 27, 'bus': 28, 'caravan': 29, 'trailer': 30, 'train': 31, 'motorcycle': 32, 'bicycle': 33,
    'license plate': 255,  # -1 in the data set's own table, 255 once stored in eight bits
}  # fmt: skip

# What mmseg's converter writes to *_gtFine_labelTrainIds.png; the ids that have none become 255.
CITYSCAPES_TRAIN_IDS = {
    'road': 0, 'sidewalk': 1, 'building': 2, 'wall': 3, 'fence': 4, 'pole': 5, 'traffic light': 6, 'traffic sign': 7,
    'vegetation': 8, 'terrain': 9, 'sky': 10, 'person': 11, 'rider': 12, 'car': 13, 'truck': 14, 'bus': 15,
    'train': 16, 'motorcycle': 17, 'bicycle': 18,
}  # fmt: skip

VIPER_TO_15: dict[int, int] = {
    3: 0, 4: 1, 9: 2, 11: 3, 13: 4, 14: 5, 7: 6, 8: 6, 6: 7, 2: 8, 20: 9, 24: 10, 27: 11, 26: 12, 23: 13, 22: 14,
}  # fmt: skip
CITYSCAPES_TO_15: dict[int, int] = {
    7: 0, 8: 1, 11: 2, 13: 3, 19: 4, 20: 5, 21: 6, 22: 7, 23: 8, 24: 9, 25: 9, 26: 10, 27: 11, 28: 12, 32: 13,
    33: 14,
}  # fmt: skip
# UnifiedVideoDA (Kareer et al., TMLR 2024) ignores riders instead.
CITYSCAPES_TO_15_NO_RIDER: dict[int, int] = {
    raw: index for raw, index in CITYSCAPES_TO_15.items() if raw != CITYSCAPES_RAW_IDS['rider']
}
SYNTHIA_TO_12: dict[int, int] = {3: 0, 4: 1, 2: 2, 5: 3, 7: 4, 15: 5, 9: 6, 6: 7, 1: 8, 10: 9, 11: 10, 8: 11}
CITYSCAPES_TO_12: dict[int, int] = {7: 0, 8: 1, 11: 2, 13: 3, 17: 4, 19: 5, 20: 6, 21: 7, 23: 8, 24: 9, 25: 10, 26: 11}

CLASS_SPACES: dict[str, tuple[dict, dict[int, int]]] = {
    'viper15': ({'classes': CLASSES_15, 'palette': PALETTE_15}, CITYSCAPES_TO_15),
    'viper15-no-rider': ({'classes': CLASSES_15, 'palette': PALETTE_15}, CITYSCAPES_TO_15_NO_RIDER),
    'synthia12': ({'classes': CLASSES_12, 'palette': PALETTE_12}, CITYSCAPES_TO_12),
}
