# AdvEnt, then AdvEnt again from the initial weights: easy target images stand in for the source, hard ones remain.
_base_ = './adversarial_50k.py'
stage_iters = _base_.max_iters
easy_size = (1024, 512)  # width, height, of the target frames
to_easy_size = dict(type='Resize', scale=easy_size, keep_ratio=False, backend='pillow', interpolation='bicubic')
read_frame, read_pseudo_labels = dict(type='LoadImage'), dict(type='LoadPseudoLabels')
easy_image_pipeline = [read_frame, to_easy_size, read_pseudo_labels, dict(type='PackSegInputs')]
easy_and_hard = dict(
    source=dict(ann_file='{labels}/easy.txt', pipeline=easy_image_pipeline),
    target=dict(ann_file='{labels}/hard.txt'),
)
second_stage = dict(
    iters=stage_iters,
    restart=True,
    labeller=dict(type='EntropyRankLabeller', easy_share=0.67),  # IntraDA's lambda for GTA5
    target_as_source=True,
    dataset=easy_and_hard,
)
poly_lr = [dict(_base_.poly_lr[0], begin=i * stage_iters, end=(i + 1) * stage_iters + 1) for i in range(2)]
param_scheduler = dict(segmentor=poly_lr, discriminator=poly_lr)
train_cfg = dict(
    _delete_=True, type='StagedTrainLoop', val_interval=2000, stages=[dict(iters=stage_iters), second_stage]
)
