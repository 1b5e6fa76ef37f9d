# The source-only schedule, then CRST's three rounds: about two epochs of Cityscapes' 2,975 frames on two GPUs each.
_base_ = './source_50k.py'
label_size = (1024, 512)  # width, height, of the target frames
# Random scales, crops of 512x1024 around rare classes and flips as in the released datasets.py
label_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=label_size, keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadPseudoLabels'),
    dict(type='RandomResize', scale=label_size, ratio_range=(0.5, 1.5), keep_ratio=True, resize_type='Resize'),
    dict(type='RareClassCrop', crop_size=label_size[::-1]),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFramePair'),
]
# The released commands: 5e-5, portions from 20 % in steps of 5 %, 3 % of the source in steps of 0.25 %
train_cfg = dict(
    _delete_=True,
    type='StagedTrainLoop',
    val_interval=1000,
    stages=[
        dict(iters=_base_.max_iters),
        dict(iters=3000, labeller=dict(portion=0.20), sampler=dict(source_share=0.03, source_subset=1)),
        dict(iters=3000, labeller=dict(portion=0.25), sampler=dict(source_share=0.0325, source_subset=2)),
        dict(iters=3000, labeller=dict(portion=0.30), sampler=dict(source_share=0.035, source_subset=3)),
    ],
    rounds=dict(
        lr_factor=0.2,  # 5e-5, constant
        labeller=dict(type='ClassBalancedLabeller', scales=(0.9,), flip=True),
        dataset=dict(target=dict(pipeline=label_pipeline)),
    ),
)
