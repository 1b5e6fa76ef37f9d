_base_ = ['../_base_/methods/fda.py', '../_base_/datasets/synthia2cs_fda.py', '../_base_/schedules/fda_200k.py']
model = dict(segmentor=dict(decode_head=dict(num_classes=12)))
