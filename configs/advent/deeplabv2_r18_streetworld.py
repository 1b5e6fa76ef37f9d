_base_ = [
    '../_base_/methods/advent.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_adversarial.py',
]
model = _base_.small_judged_model
