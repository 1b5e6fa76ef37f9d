# A network for each band, then one that learns from the pseudo-labels of their average, each from the initial weights.
# Each has the iterations of the other methods; the released code stops at 100,000 of a decay over 150,000.
_base_ = './source_50k.py'
stage_iters = 50000
labeller = dict(type='MultiBandLabeller', stages=(0, 1, 2), rank=0.66, cap=0.9)
stages = [
    dict(
        iters=stage_iters, dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.01, half_spectrum=True)])
    ),
    dict(
        iters=stage_iters,
        restart=True,
        dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.05, half_spectrum=True)]),
    ),
    dict(
        iters=stage_iters,
        restart=True,
        dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.09, half_spectrum=True)]),
    ),
    dict(
        iters=stage_iters,
        restart=True,
        labeller=labeller,
        dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.01, half_spectrum=True)]),
    ),
]
param_scheduler = dict(
    segmentor=[
        dict(type='PolyLR', power=0.9, eta_min=0.0, begin=begin, end=begin + stage_iters + 1, by_epoch=False)
        for begin in range(0, 4 * stage_iters, stage_iters)
    ]
)
train_cfg = dict(_delete_=True, type='StagedTrainLoop', stages=stages, val_interval=2000)
