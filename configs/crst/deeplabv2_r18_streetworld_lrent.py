_base_ = './deeplabv2_r18_streetworld.py'
model = dict(regularizer='lrent')
soft_label_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(192, 96), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadPseudoLabels'),
    dict(type='LoadSoftPseudoLabels'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFramePair'),
]
train_cfg = dict(
    rounds=dict(labeller=dict(alpha=0.25), dataset=dict(target=dict(pipeline=soft_label_pipeline))),  # CRST's LRENT
)
