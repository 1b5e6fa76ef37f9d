_base_ = [
    '../_base_/methods/mic.py',
    '../_base_/models/hrda_r101.py',
    '../_base_/datasets/viper2cs_hrda.py',
    '../_base_/schedules/daformer_40k.py',
]
model = _base_.method
