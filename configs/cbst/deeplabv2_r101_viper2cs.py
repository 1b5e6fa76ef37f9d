_base_ = ['../_base_/methods/cbst.py', '../_base_/datasets/viper2cs.py', '../_base_/schedules/self_training_59k.py']
model = dict(segmentor=dict(backbone=dict(norm_eval=True)))  # released code: statistics are those of ImageNet
