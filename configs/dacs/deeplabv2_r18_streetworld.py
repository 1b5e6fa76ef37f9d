_base_ = [
    '../_base_/methods/dacs.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_source.py',
]
model = _base_.small_model
