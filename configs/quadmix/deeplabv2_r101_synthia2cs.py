_base_ = [
    '../_base_/methods/tps.py',
    '../_base_/methods/quadmix.py',
    '../_base_/datasets/synthia2cs_two-frame.py',
    '../_base_/schedules/tps_40k.py',
]
model = dict(
    _base_.quadmix,
    segmentor=dict(decode_head=dict(num_classes=12), auxiliary_head=dict(num_classes=12)),
    pasted_classes=[3, 5, 6, 10],  # fence, traffic light, traffic sign and rider: those of VIPER's list that are here
)
# two of a batch, which are mixed with each other; the released code keeps the batch of one before
train_dataloader = dict(batch_size=2, dataset=dict(_base_.tps_dataset, **_base_.quadmix_dataset))
default_hooks = dict(proxy_copy=_base_.proxy_copy)
