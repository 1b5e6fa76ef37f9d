# GTA5 -> Cityscapes-Seq, 19 classes, as DAFormer reads it: the field's reference task.
_base_ = './gta2cs.py'
source_size, target_size, crop_size = (1280, 720), (1024, 512), (512, 512)  # width, height; the crop's height, width
resize, flip = dict(type='Resize', keep_ratio=False), dict(type='RandomFlip', prob=0.5)
crop = dict(type='RandomCrop', crop_size=crop_size)
source_pipeline = [
    _base_.read_image,
    _base_.read_labels,
    dict(resize, scale=source_size),
    dict(crop, cat_max_ratio=0.75),
    flip,
    _base_.pack,
]
to_crop = [dict(resize, scale=target_size), crop, flip]
frames = dict(_base_.each_frame, transforms=to_crop)
target_pipeline = [
    _base_.read_frames,
    frames,
    _base_.pack_frames,
]
test_pipeline = [_base_.read_image, dict(resize, scale=target_size), _base_.read_labels, _base_.pack]
rare_class_sampling = dict(temperature=0.01, min_pixels=3000, min_crop_pixels=1500)
train_dataloader = dict(
    dataset=dict(
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
        rare_class_sampling=rare_class_sampling,
    )
)
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
