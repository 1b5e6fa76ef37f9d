_base_ = [
    '../_base_/methods/davsn.py',
    '../_base_/models/deeplabv2_r18.py',
    '../_base_/datasets/streetworld_two-frame.py',
    '../_base_/schedules/streetworld_adversarial.py',
]
judge = _base_.small_discriminator
model = dict(
    data_preprocessor=_base_.small_data_preprocessor,
    segmentor=_base_.small_multi_level_segmentor,
    flow_estimator=dict(_delete_=True, type='DISFlow'),  # needs no weights
    discriminator=dict(sta=judge, sta_aux=judge, sa=judge, sa_aux=judge),
    batch_statistics='target',
    lambda_u=0.005,  # five times the released weight, for a schedule much shorter
)
