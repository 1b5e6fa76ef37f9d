# A network for each band, then one that learns from the pseudo-labels of their average, each from the initial weights.
# Each has the iterations of the other methods; the released code stops at 100,000 of a decay over 150,000.
_base_ = './source_50k.py'
stage_iters, betas = 50000, (0.01, 0.05, 0.09, 0.01)
transfers = [dict(type='SpectrumTransfer', beta=beta, half_spectrum=True) for beta in betas]
bands = [dict(joint_pipeline=[transfer]) for transfer in transfers]
labeller = dict(type='MultiBandLabeller', stages=(0, 1, 2), rank=0.66, cap=0.9)  # released: 66 %, at most 0.9
stages = [dict(iters=stage_iters, restart=True, dataset=band) for band in bands]
stages[0].pop('restart')  # it starts from the initial weights anyway
stages[-1]['labeller'] = labeller
poly_lr = [dict(_base_.poly_lr[0], begin=i * stage_iters, end=(i + 1) * stage_iters + 1) for i in range(4)]
param_scheduler = dict(segmentor=poly_lr)
train_cfg = dict(_delete_=True, type='StagedTrainLoop', stages=stages, val_interval=2000)
