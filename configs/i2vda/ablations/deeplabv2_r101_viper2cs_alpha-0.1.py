_base_ = '../deeplabv2_r101_viper2cs.py'
model = dict(temporal_augmentation=dict(alpha=0.1))
