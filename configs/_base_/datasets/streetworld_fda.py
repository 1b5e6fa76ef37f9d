# StreetWorld as FDA reads it: source crops of the target's size, in the target's look.
_base_ = './streetworld.py'
source_size, crop_size = (240, 120), (96, 192)  # width, height; the crop's height, width
crop, transfer = dict(type='RandomCrop', crop_size=crop_size), dict(type='SpectrumTransfer', beta=0.02)
source_pipeline = [_base_.read_image, _base_.read_labels, dict(_base_.resize, scale=source_size), crop, _base_.pack]
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='LoadPseudoLabels'), _base_.pack_frames]
source, target = dict(pipeline=source_pipeline), dict(pipeline=target_pipeline)
train_dataloader = dict(dataset=dict(source=source, target=target, joint_pipeline=[transfer]))
