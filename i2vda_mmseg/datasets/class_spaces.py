"""The published class spaces, read from ``published/*.yaml``, and the names of raw ids: what a label id means.

A raw id that a table does not name becomes 255 (ignored). Tables follow DA-VSN (Guan et al., ICCV 2021), the protocol
of the paper's Tables 1 and 2: trees are merged into vegetation, riders into persons, vans and lane markings ignored.
"""

from .class_space import class_space_of

VIPER_15, VIPER_15_NO_RIDER = class_space_of('viper15'), class_space_of('viper15-no-rider')
SYNTHIA_12 = class_space_of('synthia11')  # of which 11 are reported
CITYSCAPES_19 = class_space_of('cityscapes19')
CLASSES_15, PALETTE_15 = VIPER_15.classes, VIPER_15.metainfo['palette']
CLASSES_12, PALETTE_12 = SYNTHIA_12.classes, SYNTHIA_12.metainfo['palette']

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

VIPER_TO_15, CITYSCAPES_TO_15 = (VIPER_15.raw_to_class(domain) for domain in ('source', 'target'))
# UnifiedVideoDA (Kareer et al., TMLR 2024) ignores riders instead.
CITYSCAPES_TO_15_NO_RIDER = VIPER_15_NO_RIDER.raw_to_class('target')
SYNTHIA_TO_12, CITYSCAPES_TO_12 = (SYNTHIA_12.raw_to_class(domain) for domain in ('source', 'target'))

CLASS_SPACES: dict[str, tuple[dict, dict[int, int]]] = {
    'viper15': ({'classes': CLASSES_15, 'palette': PALETTE_15}, CITYSCAPES_TO_15),
    'viper15-no-rider': ({'classes': CLASSES_15, 'palette': PALETTE_15}, CITYSCAPES_TO_15_NO_RIDER),
    'synthia12': ({'classes': CLASSES_12, 'palette': PALETTE_12}, CITYSCAPES_TO_12),
    'cityscapes19': (CITYSCAPES_19.metainfo, CITYSCAPES_19.raw_to_class('target')),
}
