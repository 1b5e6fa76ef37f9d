_base_ = [
    '../_base_/methods/hrda.py',
    '../_base_/models/hrda_mit-b5.py',
    '../_base_/datasets/viper2cs_hrda.py',
    '../_base_/schedules/daformer_40k.py',
]
model = _base_.method
