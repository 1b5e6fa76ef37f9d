# UnifiedVideoDA's reading of UDA-VSS: a discriminator of two frames, and labels that the frame before confirms
_base_ = [
    './deeplabv2_r18_streetworld.py',
    '../_base_/methods/refinement.py',
    '../_base_/methods/video_discriminator.py',
]
judge = dict(_base_.deceiving.discriminator, **_base_.small_discriminator)
# Five times the released weight, for a schedule much shorter
model = dict(_base_.deceiving, discriminator=judge, lambda_adv=0.0005, refinement=_base_.small_refinement)
optim_wrapper = dict(
    discriminator=dict(_base_.optimizer_of_discriminator, optimizer=dict(type='Adam', lr=5e-4, betas=(0.9, 0.99)))
)
param_scheduler = dict(discriminator=_base_.poly_lr)
# F_01 and F_10 in the data workers
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='EstimateFlow'), _base_.pack_frames]
train_dataloader = dict(dataset=dict(source=_base_.source_pairs, target=dict(pipeline=target_pipeline)))
