_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level.py']
model = dict(
    type='MinEnt',
    data_preprocessor=_base_.data_preprocessor,
    segmentor=_base_.segmentor,
    lambda_seg_aux=0.1,  # ADVENT's released settings
    lambda_ent=0.001,
    lambda_ent_aux=0.0002,
)
