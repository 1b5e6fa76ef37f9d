_base_ = '../deeplabv2_r101_viper2cs.py'
model = dict(pseudo_label_head=dict(delta=0.8))  # as printed below Eq. 8
