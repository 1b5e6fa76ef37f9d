# VIPER -> Cityscapes-Seq as HRDA reads it: crops at the target's full resolution.
_base_ = './viper2cs.py'
source_size, target_size, crop_size = (
    (2560, 1440),
    (2048, 1024),
    (1024, 1024),
)  # width, height; the crop's height, width
resize, flip = dict(type='Resize', keep_ratio=False), dict(type='RandomFlip', prob=0.5)
crop = dict(type='RandomCrop', crop_size=crop_size)
source_pipeline = [
    _base_.read_image,
    _base_.read_labels,
    dict(resize, scale=source_size),
    _base_.mask_ego_vehicle,
    dict(crop, cat_max_ratio=0.75),
    flip,
    _base_.pack,
]
to_crop = [dict(resize, scale=target_size), crop, flip]
mapping = dict(img=['frame_0', 'frame_1'], valid_map=['valid_map'] * 2)
frames = dict(_base_.each_frame, mapping=mapping, transforms=to_crop)
target_pipeline = [
    _base_.read_frames,
    dict(type='MarkMargins', top=30, bottom=240, left=30, right=30),  # of 2048 x 1024 pixels
    frames,
    _base_.pack_frames,
]
test_pipeline = [_base_.read_image, dict(resize, scale=target_size), _base_.read_labels, _base_.pack]
rare_class_sampling = dict(temperature=0.01, min_pixels=3000, min_crop_pixels=6000)
target = dict(pipeline=target_pipeline)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(source=dict(pipeline=source_pipeline), target=target, rare_class_sampling=rare_class_sampling),
)
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
# Source pairs, for what looks at two frames: `train_dataloader = dict(dataset=dict(source=_base_.source_pairs))`
labelled_frames = dict(_base_.each_frame, mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map'] * 2))
source_pairs = dict(
    previous_frame=True,
    pipeline=[
        _base_.read_frames,
        _base_.read_labels,
        dict(labelled_frames, transforms=[dict(resize, scale=source_size)]),
        _base_.mask_ego_vehicle,
        dict(labelled_frames, transforms=[dict(crop, cat_max_ratio=0.75), flip]),
        _base_.pack_frames,
    ],
)
# For networks of two frames: `val_dataloader = test_dataloader = dict(dataset=_base_.test_pairs)`
both_frames = dict(_base_.each_frame, transforms=[dict(resize, scale=target_size)])
test_pairs = dict(
    previous_frame=True, pipeline=[_base_.read_frames, both_frames, _base_.read_labels, _base_.pack_frames]
)
