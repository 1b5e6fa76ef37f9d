# Short stages for 2 CPU cores, from the source-only initialisation that all methods share.
_base_ = './streetworld_source.py'
stage_iters = 300
labeller = dict(type='MultiBandLabeller', stages=(0, 1, 2), rank=0.66, cap=0.9)
# 0.02 for 0.01: of an image of 96 rows, the released smallest band would hold no coefficient
stages = [
    dict(iters=stage_iters, dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.02)])),
    dict(iters=stage_iters, restart=True, dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.05)])),
    dict(iters=stage_iters, restart=True, dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.09)])),
    dict(
        iters=stage_iters,
        restart=True,
        labeller=labeller,
        dataset=dict(joint_pipeline=[dict(type='SpectrumTransfer', beta=0.02)]),
    ),
]
param_scheduler = dict(
    segmentor=[
        dict(type='PolyLR', power=0.9, eta_min=0.0, begin=begin, end=begin + stage_iters + 1, by_epoch=False)
        for begin in range(0, 4 * stage_iters, stage_iters)
    ]
)
train_cfg = dict(_delete_=True, type='StagedTrainLoop', stages=stages, val_interval=stage_iters)
