_base_ = '../deeplabv2_r101_viper2cs.py'
model = dict(pseudo_label_head=dict(use_occlusion=False))
