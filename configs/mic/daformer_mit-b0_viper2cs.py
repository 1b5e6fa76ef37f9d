_base_ = './daformer_mit-b5_viper2cs.py'
model = dict(segmentor=_base_.b0_hrda)
