_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/methods/quadmix.py',
    '../_base_/datasets/streetworld_two-frame.py',
    '../_base_/schedules/streetworld_source.py',
]
# The target's flow in the data workers; the source's is of frames in the target's colours, which are made later.
flow = dict(type='EstimateFlow', flows=['10', '21'])
target_pipeline = [*_base_.three_frame_pipeline[:-1], flow, _base_.pack_frames]
model = dict(
    dict(_base_.small_multi_level_model, **_base_.quadmix),
    flow_estimator=dict(_delete_=True, type='DISFlow'),  # needs no weights
    augmentation=dict(blur_sigmas=(1.0, 1.4, 1.8)),  # as much of the smaller frame
)
target = dict(frames=3, pipeline=target_pipeline)
rare_patches = dict(number=3, min_pixels=50)  # of labels of 256 x 128 pixels
train_dataloader = dict(dataset=dict(_base_.tps_dataset, target=target, rare_patches=rare_patches))
default_hooks = dict(proxy_copy=dict(_base_.proxy_copy, interval=160))  # a fifth of the schedule, as published
