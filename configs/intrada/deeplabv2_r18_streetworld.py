_base_ = [
    '../_base_/methods/advent.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_intrada.py',
]
model = _base_.small_judged_model
train_dataloader = dict(dataset=dict(target=dict(pairs='labelled')))  # a list of frames names these one by one
