# UnifiedVideoDA's reading of DA-VSN: two frames fused, mixed alike and judged, and labels of whichever frame is surer
_base_ = [
    './deeplabv2_r18_streetworld.py',
    '../_base_/methods/refinement.py',
    '../_base_/methods/video_discriminator.py',
]
model = dict(
    _base_.deceiving,
    segmentor=dict(type='AccelHRDAEncoderDecoder', propagation=dict(type='BackwardWarp')),
    discriminator=dict(_base_.deceiving.discriminator, **_base_.small_discriminator),
    lambda_adv=0.0005,  # five times the released weight, for a schedule much shorter
    flow_estimator=dict(type='DISFlow'),  # needs no weights
    refinement=dict(_base_.refinement, mode='max_confidence', flow_estimator=None),  # the model's
)
optim_wrapper = dict(
    discriminator=dict(_base_.optimizer_of_discriminator, optimizer=dict(type='Adam', lr=5e-4, betas=(0.9, 0.99)))
)
param_scheduler = dict(discriminator=_base_.poly_lr)
# Flow in the data workers: F_10 of both domains, and F_01 of the target for the refinement
labelled_pair = dict(_base_.labelled_frames, transforms=[_base_.to_size])
to_previous = dict(type='EstimateFlow', flows=['10'])
source_pipeline = [_base_.read_frames, _base_.read_labels, labelled_pair, to_previous, _base_.pack_frames]
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='EstimateFlow'), _base_.pack_frames]
test_pipeline = [*_base_.target_pipeline[:-1], _base_.read_labels, _base_.pack_frames]
source = dict(previous_frame=True, pipeline=source_pipeline)
train_dataloader = dict(dataset=dict(source=source, target=dict(pipeline=target_pipeline)))
val_dataloader = test_dataloader = dict(dataset=dict(previous_frame=True, pipeline=test_pipeline))
