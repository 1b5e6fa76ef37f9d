_base_ = [
    '../_base_/methods/adaptsegnet.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_adversarial.py',
]
# lambda_adv: five times the paper's, for a schedule sixty times shorter
model = dict(_base_.small_model, discriminator=_base_.small_discriminator, lambda_adv=0.05)
