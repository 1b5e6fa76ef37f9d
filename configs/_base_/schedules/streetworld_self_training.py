# As self_training_59k.py, in 800 iterations; all of the source is read in every round, there is little of it. No random
# scales: batch norm learns its statistics here, and with enlarged frames mIoU fell within a hundred iterations.
_base_ = './self_training_59k.py'
source_iters, label_size = 500, (192, 96)  # width, height
label_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=label_size, keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFramePair'),
]
optim_wrapper = dict(backbone_steps='once', segmentor=dict(optimizer=dict(lr=0.005), paramwise_cfg=None))
param_scheduler = dict(segmentor=[dict(_base_.poly_lr[0], end=source_iters + 1)])
train_cfg = dict(
    val_interval=400,
    stages=[
        dict(iters=source_iters),
        dict(iters=100, labeller=dict(portion=0.20)),
        dict(iters=100, labeller=dict(portion=0.25)),
        dict(iters=100, labeller=dict(portion=0.30)),
    ],
    rounds=dict(dataset=dict(target=dict(pipeline=label_pipeline))),
)
