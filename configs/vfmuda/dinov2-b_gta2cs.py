_base_ = [
    '../_base_/methods/vfmuda.py',
    '../_base_/models/dinov2-b_light.py',
    '../_base_/datasets/gta2cs_vfmuda.py',
    '../_base_/schedules/vfmuda_40k.py',
]
model = dict(_base_.method, segmentor=dict(decode_head=dict(num_classes=19)))
