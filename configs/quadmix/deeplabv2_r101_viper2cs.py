_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/methods/quadmix.py',
    '../_base_/datasets/viper2cs_two-frame.py',
    '../_base_/schedules/tps_40k.py',
]
model = _base_.quadmix
# two of a batch, which are mixed with each other; the released code keeps the batch of one before
train_dataloader = dict(batch_size=2, dataset=dict(_base_.tps_dataset, **_base_.quadmix_dataset))
default_hooks = dict(proxy_copy=_base_.proxy_copy)
