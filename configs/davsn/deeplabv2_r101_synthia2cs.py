_base_ = [
    '../_base_/methods/davsn.py',
    '../_base_/datasets/synthia2cs_two-frame.py',
    '../_base_/schedules/davsn_50k.py',
]
judge = dict(in_channels=24)  # two frames of 12 classes
model = dict(
    segmentor=dict(decode_head=dict(num_classes=12), auxiliary_head=dict(num_classes=12)),
    discriminator=dict(sta=judge, sta_aux=judge, sa=judge, sa_aux=judge),
)
