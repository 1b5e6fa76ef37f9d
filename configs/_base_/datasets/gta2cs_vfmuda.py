# GTA5 -> Cityscapes-Seq as VFM-UDA reads it.
_base_ = './gta2cs.py'
short_side, target_size, crop_size = (4096, 1024), (2048, 1024), (1024, 1024)
# the short side 1024 pixels, more or less; what is smaller than a crop, the model pads
resize = dict(type='RandomResize', scale=short_side, ratio_range=(0.9, 1.1), keep_ratio=True)
crop, flip = dict(type='RandomCrop', crop_size=crop_size), dict(type='RandomFlip', prob=0.5)
source_pipeline = [
    _base_.read_image,
    _base_.read_labels,
    resize,
    dict(crop, cat_max_ratio=0.75),
    flip,
    _base_.pack,
]
mapping = dict(img=['frame_0', 'frame_1'], valid_map=['valid_map'] * 2)
frames = dict(_base_.each_frame, mapping=mapping, transforms=[resize, crop, flip])
target_pipeline = [
    _base_.read_frames,
    dict(type='MarkMargins', top=30, bottom=256, left=61, right=61),  # 3 %, 25 %, 3 % of 2048 x 1024 pixels
    frames,
    _base_.pack_frames,
]
to_test_size = dict(type='Resize', scale=target_size, keep_ratio=False)
test_pipeline = [_base_.read_image, to_test_size, _base_.read_labels, _base_.pack]
rare_class_sampling = dict(temperature=0.05, min_pixels=3000, min_crop_pixels=6000, tries=20)
train_dataloader = dict(
    dataset=dict(
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
        rare_class_sampling=rare_class_sampling,
    )
)
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
