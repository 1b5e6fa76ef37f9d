_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(
    type='CRST',
    data_preprocessor=_base_.data_preprocessor,
    segmentor=_base_.segmentor,
    regularizer='mrkld',
    lambda_mrkld=0.1,  # the paper; the released code's results are those of 0.01
)
