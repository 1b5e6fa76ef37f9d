_base_ = ['../_base_/methods/minent.py', '../_base_/datasets/synthia2cs.py', '../_base_/schedules/source_50k.py']
model = dict(segmentor=dict(decode_head=dict(num_classes=12), auxiliary_head=dict(num_classes=12)))
