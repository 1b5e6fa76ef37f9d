_base_ = [
    '../_base_/methods/minent.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_source.py',
]
weights = dict(lambda_ent=0.005, lambda_ent_aux=0.001)  # five times the released, for a schedule much shorter
model = dict(_base_.small_multi_level_model, **weights)
