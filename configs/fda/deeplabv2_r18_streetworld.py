_base_ = ['../_base_/methods/fda.py', '../_base_/datasets/streetworld_fda.py', '../_base_/schedules/streetworld_fda.py']
model = _base_.small_model
