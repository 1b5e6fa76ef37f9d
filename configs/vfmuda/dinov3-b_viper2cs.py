_base_ = './dinov2-b_viper2cs.py'
model = dict(segmentor=_base_.dinov3)
