_base_ = ['../_base_/methods/advent.py', '../_base_/datasets/synthia2cs.py', '../_base_/schedules/adversarial_50k.py']
model = dict(
    segmentor=dict(decode_head=dict(num_classes=12), auxiliary_head=dict(num_classes=12)),
    discriminator=dict(main=dict(in_channels=12), aux=dict(in_channels=12)),
)
