_base_ = [
    '../_base_/methods/dacs.py',
    '../_base_/models/deeplabv2red_r101.py',
    '../_base_/datasets/synthia2cs_daformer.py',
    '../_base_/schedules/daformer_40k.py',
]
# without rare class sampling; its network and schedule are those of DAFormer's comparison, not of the paper of DACS
model = dict(_base_.method, segmentor=dict(decode_head=dict(num_classes=12)))
train_dataloader = dict(dataset=dict(rare_class_sampling=None))
