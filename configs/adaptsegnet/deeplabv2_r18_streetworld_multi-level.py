_base_ = [
    '../_base_/methods/adaptsegnet_multi-level.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_adversarial.py',
]
weights = dict(lambda_adv=0.005, lambda_adv_aux=0.001)  # five times the released, for a schedule much shorter
model = dict(_base_.small_multi_level_model, discriminator=_base_.small_discriminator_set, **weights)
