_base_ = [
    '../_base_/methods/minent.py',
    '../_base_/models/deeplabv2_r18.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_source.py',
]
model = dict(
    data_preprocessor=_base_.small_data_preprocessor,
    segmentor=_base_.small_multi_level_segmentor,
    batch_statistics='target',
    lambda_ent=0.005,  # five times the released weights, for a schedule much shorter
    lambda_ent_aux=0.001,
)
