_base_ = '../deeplabv2_r101_viper2cs.py'
model = dict(temporal_augmentation=dict(t=0.25))
