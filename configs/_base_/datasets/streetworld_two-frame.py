# StreetWorld with the frame before each source image.
#   python tools/make_streetworld.py --out data/streetworld --previous-frames
_base_ = './streetworld.py'
three_frames = dict(_base_.each_frame, mapping=dict(img=['frame_0', 'frame_1', 'frame_2']))
to_size = [dict(_base_.resize, scale=_base_.size)]
source_pipeline = _base_.source_pairs['pipeline']
three_frame_pipeline = [_base_.read_frames, dict(three_frames, transforms=to_size), _base_.pack_frames]
test_pipeline = [*_base_.target_pipeline[:-1], _base_.read_labels, _base_.pack_frames]
tps_dataset = dict(target=dict(frames=3, pipeline=three_frame_pipeline), joint_pipeline=[_base_.match_colours])
train_dataloader = dict(dataset=dict(source=_base_.source_pairs))
val_dataloader = test_dataloader = dict(dataset=dict(previous_frame=True, pipeline=test_pipeline))
