_base_ = [
    '../_base_/methods/daformer.py',
    '../_base_/models/deeplabv2_r101.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_source.py',
]
model = dict(_base_.small_self_training_model, **_base_.method)
rare_class_sampling = dict(temperature=0.01, min_pixels=50)  # of labels of 256 x 128 pixels
train_dataloader = dict(dataset=dict(rare_class_sampling=rare_class_sampling))
default_hooks = dict(proxy_ema=dict(momentum=0.99))  # the average of 100 iterations: the schedule has 800
