# VIPER frame pairs -> Cityscapes-Seq frame pairs, also at test time, at the sizes of DA-VSN and TPS. VIPER: archives
# of images *0 and *9, labels *0.
_base_ = './viper2cs.py'
source_size = (1280, 720)  # width, height
labelled_frames = dict(_base_.each_frame, mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map'] * 2))
three_frames = dict(_base_.each_frame, mapping=dict(img=['frame_0', 'frame_1', 'frame_2']))
source_pipeline = [
    _base_.read_frames,
    _base_.read_labels,
    dict(labelled_frames, transforms=[dict(_base_.resize, scale=source_size)]),
    _base_.mask_ego_vehicle,
    _base_.pack_frames,
]
three_frame_pipeline = [_base_.read_frames, dict(three_frames, transforms=[_base_.to_target_size]), _base_.pack_frames]
test_pipeline = [*_base_.target_pipeline[:-1], _base_.read_labels, _base_.pack_frames]
tps_dataset = dict(target=dict(frames=3, pipeline=three_frame_pipeline), joint_pipeline=[_base_.match_colours])
train_dataloader = dict(dataset=dict(source=dict(previous_frame=True, pipeline=source_pipeline)))
val_dataloader = test_dataloader = dict(dataset=dict(previous_frame=True, pipeline=test_pipeline))
