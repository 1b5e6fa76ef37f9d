_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/datasets/streetworld_two-frame.py',
    '../_base_/schedules/streetworld_source.py',
]
flow_estimator = dict(type='DISFlow')  # needs no weights
target_pipeline = [
    *_base_.three_frame_pipeline[:-1],
    dict(type='EstimateFlow', estimator=flow_estimator, flows=['10', '21']),
    dict(type='PackFramePair'),
]
model = dict(
    _base_.small_multi_level_model,
    flow_estimator=dict(_delete_=True, **flow_estimator),
    augmentation=dict(blur_sigmas=(1.0, 1.4, 1.8)),  # as much of the smaller frame
)
train_dataloader = dict(dataset=dict(_base_.tps_dataset, target=dict(frames=3, pipeline=target_pipeline)))
