_base_ = [
    '../_base_/methods/crst.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_self_training.py',
]
model = _base_.small_model
train_dataloader = dict(dataset=dict(target=dict(pairs='labelled')))  # one frame of a clip is labelled, not each
