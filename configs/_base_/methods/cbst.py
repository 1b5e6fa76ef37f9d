_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(type='CBST', data_preprocessor=_base_.data_preprocessor, segmentor=_base_.segmentor)
