_base_ = [
    '../_base_/methods/mic.py',
    '../_base_/models/hrda_mit-b5.py',
    '../_base_/datasets/gta2cs_hrda.py',
    '../_base_/schedules/daformer_40k.py',
]
model = dict(_base_.method, thing_classes=_base_.thing_classes_19)
