# As self_training_59k.py, in 800 iterations; all of the source is read in every round, there is little of it. No random
# scales: batch norm learns its statistics here, and with enlarged frames mIoU fell within a hundred iterations.
_base_ = './streetworld_source.py'
label_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(192, 96), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFramePair'),
]
param_scheduler = dict(
    segmentor=[dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=501, by_epoch=False)],
)
train_cfg = dict(
    _delete_=True,
    type='StagedTrainLoop',
    val_interval=400,
    stages=[
        dict(iters=500),
        dict(iters=100, labeller=dict(portion=0.20)),
        dict(iters=100, labeller=dict(portion=0.25)),
        dict(iters=100, labeller=dict(portion=0.30)),
    ],
    rounds=dict(
        lr_factor=0.2,
        labeller=dict(type='ClassBalancedLabeller', scales=(0.9,), flip=True),
        dataset=dict(target=dict(pipeline=label_pipeline)),
    ),
)
