_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/models/deeplabv2_r18.py',
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
    data_preprocessor=_base_.small_data_preprocessor,
    segmentor=_base_.small_multi_level_segmentor,
    flow_estimator=dict(_delete_=True, **flow_estimator),
    augmentation=dict(blur_sigmas=(1.0, 1.4, 1.8)),  # as much of the smaller frame
    batch_statistics='target',
)
train_dataloader = dict(
    dataset=dict(
        target=dict(frames=3, pipeline=target_pipeline),
        joint_pipeline=[dict(type='HistogramMatching')],
    )
)
