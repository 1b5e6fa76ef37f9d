_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/datasets/streetworld_two-frame.py',
    '../_base_/schedules/streetworld_source.py',
]
# The target's flow in the data workers; the source's is of frames in the target's colours, which are made later.
flow = dict(type='EstimateFlow', flows=['10', '21'])
target_pipeline = [*_base_.three_frame_pipeline[:-1], flow, _base_.pack_frames]
model = dict(
    _base_.small_multi_level_model,
    flow_estimator=dict(_delete_=True, type='DISFlow'),  # needs no weights
    augmentation=dict(blur_sigmas=(1.0, 1.4, 1.8)),  # as much of the smaller frame
)
train_dataloader = dict(dataset=dict(_base_.tps_dataset, target=dict(frames=3, pipeline=target_pipeline)))
