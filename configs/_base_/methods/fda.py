_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(
    type='FDA',
    data_preprocessor=_base_.data_preprocessor,
    segmentor=_base_.segmentor,
    lambda_ent=0.005,  # entW, ita and switch2entropy of the released command
    eta=2.0,
    switch2entropy=0,
)
