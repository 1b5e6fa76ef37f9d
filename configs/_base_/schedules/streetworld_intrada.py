# As intrada_100k.py, in 800 iterations.
_base_ = './streetworld_adversarial.py'
max_iters = 400
easy_image_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(192, 96), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadPseudoLabels'),
    dict(type='PackSegInputs'),
]
poly_lr = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_iters + 1, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=max_iters, end=2 * max_iters + 1, by_epoch=False),
]
param_scheduler = dict(segmentor=poly_lr, discriminator=poly_lr)
train_cfg = dict(
    _delete_=True,
    type='StagedTrainLoop',
    val_interval=400,
    stages=[
        dict(iters=max_iters),
        dict(
            iters=max_iters,
            restart=True,
            labeller=dict(type='EntropyRankLabeller', easy_share=0.67),
            target_as_source=True,
            dataset=dict(
                source=dict(ann_file='{labels}/easy.txt', pipeline=easy_image_pipeline),
                target=dict(ann_file='{labels}/hard.txt'),
            ),
        ),
    ],
)
