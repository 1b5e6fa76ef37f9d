_base_ = './deeplabv2_r101_viper2cs.py'
model = dict(regularizer='lrent')
soft_label_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(1024, 512), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadPseudoLabels'),
    dict(type='LoadSoftPseudoLabels'),
    dict(type='RandomResize', scale=(1024, 512), ratio_range=(0.5, 1.5), keep_ratio=True, resize_type='Resize'),
    dict(type='RareClassCrop', crop_size=(512, 1024)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFramePair'),
]
train_cfg = dict(
    rounds=dict(labeller=dict(alpha=0.25), dataset=dict(target=dict(pipeline=soft_label_pipeline))),  # CRST's LRENT
)
