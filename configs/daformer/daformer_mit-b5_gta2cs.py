_base_ = [
    '../_base_/methods/daformer.py',
    '../_base_/models/daformer_mit-b5.py',
    '../_base_/datasets/gta2cs_daformer.py',
    '../_base_/schedules/daformer_40k.py',
]
model = dict(
    _base_.method,
    margins=_base_.margins,
    thing_classes=_base_.thing_classes_19,
    segmentor=dict(decode_head=dict(num_classes=19)),
)
