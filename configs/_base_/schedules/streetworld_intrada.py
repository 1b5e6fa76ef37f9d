# As intrada_100k.py, in 800 iterations from the source-only initialisation that all methods share.
_base_ = './intrada_100k.py'
stage_iters, easy_size = 400, (192, 96)  # width, height
to_easy_size = dict(_base_.to_easy_size, scale=easy_size)
easy_image_pipeline = [_base_.read_frame, to_easy_size, _base_.read_pseudo_labels, dict(type='PackSegInputs')]
easy_images = dict(_base_.easy_and_hard.source, pipeline=easy_image_pipeline)
second_stage = dict(_base_.second_stage, iters=stage_iters, dataset=dict(_base_.easy_and_hard, source=easy_images))
optim_wrapper = dict(
    backbone_steps='once',
    segmentor=dict(optimizer=dict(lr=0.005), paramwise_cfg=None),
    discriminator=dict(optimizer=dict(lr=5e-4)),
)
poly_lr = [dict(_base_.poly_lr[0], begin=i * stage_iters, end=(i + 1) * stage_iters + 1) for i in range(2)]
param_scheduler = dict(segmentor=poly_lr, discriminator=poly_lr)
train_cfg = dict(val_interval=stage_iters, stages=[dict(iters=stage_iters), second_stage])
