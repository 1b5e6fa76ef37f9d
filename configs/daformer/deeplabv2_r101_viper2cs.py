_base_ = [
    '../_base_/methods/daformer.py',
    '../_base_/models/deeplabv2red_r101.py',
    '../_base_/datasets/viper2cs_daformer.py',
    '../_base_/schedules/daformer_40k.py',
]
model = dict(_base_.method, margins=_base_.margins)
