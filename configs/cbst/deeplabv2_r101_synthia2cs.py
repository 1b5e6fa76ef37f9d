_base_ = ['../_base_/methods/cbst.py', '../_base_/datasets/synthia2cs.py', '../_base_/schedules/self_training_59k.py']
model = dict(segmentor=dict(backbone=dict(norm_eval=True), decode_head=dict(num_classes=12)))
