_base_ = ['../_base_/methods/tps.py', '../_base_/datasets/synthia2cs_two-frame.py', '../_base_/schedules/tps_40k.py']
model = dict(
    segmentor=dict(decode_head=dict(num_classes=12), auxiliary_head=dict(num_classes=12)),
    lambda_tps=1.0,
)
train_dataloader = dict(dataset=_base_.tps_dataset)
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=2.5e-4)))
