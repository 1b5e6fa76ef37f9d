_base_ = [
    '../_base_/methods/hrda.py',
    '../_base_/models/hrda_mit-b5.py',
    '../_base_/datasets/gta2cs_hrda.py',
    '../_base_/schedules/daformer_40k.py',
]
classes = dict(num_classes=19)
model = dict(
    _base_.method,
    thing_classes=_base_.thing_classes_19,
    segmentor=dict(decode_head=classes, attention_head=classes),
)
