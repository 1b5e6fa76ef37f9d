_base_ = [
    '../_base_/methods/cmom.py',
    '../_base_/datasets/streetworld_two-frame.py',
    '../_base_/schedules/streetworld_source.py',
]
flow = dict(type='EstimateFlow', flows=['10'])  # in the data workers
source_pipeline = [*_base_.source_pipeline[:-1], flow, _base_.pack_frames]
target_pipeline = [*_base_.target_pipeline[:-1], flow, _base_.pack_frames]
model = dict(_base_.small_multi_level_model, flow_estimator=dict(_delete_=True, type='DISFlow'))  # needs no weights
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline), target=dict(pipeline=target_pipeline)))
# A teacher: there is no checkpoint of DA-VSN to start from.
default_hooks = dict(proxy_copy=None, proxy_ema=dict(type='ProxyEMAHook', momentum=0.99))
