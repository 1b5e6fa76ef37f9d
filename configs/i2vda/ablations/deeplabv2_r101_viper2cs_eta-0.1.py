_base_ = '../deeplabv2_r101_viper2cs.py'
model = dict(pseudo_label_head=dict(eta=0.1))
