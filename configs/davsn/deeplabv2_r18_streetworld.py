_base_ = [
    '../_base_/methods/davsn.py',
    '../_base_/datasets/streetworld_two-frame.py',
    '../_base_/schedules/streetworld_adversarial.py',
]
flow = dict(type='EstimateFlow', flows=['10'])  # in the data workers
source_pipeline = [*_base_.source_pipeline[:-1], flow, _base_.pack_frames]
target_pipeline = [*_base_.target_pipeline[:-1], flow, _base_.pack_frames]
judge = _base_.small_discriminator
model = dict(
    _base_.small_multi_level_model,
    flow_estimator=dict(_delete_=True, type='DISFlow'),  # needs no weights
    discriminator=dict(sta=judge, sta_aux=judge, sa=judge, sa_aux=judge),
    lambda_u=0.005,  # five times the released weight, for a schedule much shorter
)
train_dataloader = dict(dataset=dict(source=dict(pipeline=source_pipeline), target=dict(pipeline=target_pipeline)))
