_base_ = [
    '../_base_/methods/dacs.py',
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_source.py',
]
model = dict(_base_.small_self_training_model, **_base_.method)
