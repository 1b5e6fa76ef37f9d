_base_ = [
    '../_base_/methods/vfmuda.py',
    '../_base_/models/dinov2-b_light.py',
    '../_base_/datasets/viper2cs_vfmuda.py',
    '../_base_/schedules/vfmuda_40k.py',
]
model = _base_.method
