# UnifiedVideoDA's reading of DA-VSN: two frames fused, mixed alike and judged, and labels of whichever frame is surer
_base_ = [
    './daformer_mit-b5_viper2cs.py',
    '../_base_/methods/refinement.py',
    '../_base_/methods/video_discriminator.py',
]
model = dict(
    _base_.deceiving,
    segmentor=dict(type='AccelHRDAEncoderDecoder', propagation=dict(type='BackwardWarp')),
    flow_estimator=_base_.refinement.flow_estimator,
    refinement=dict(_base_.refinement, mode='max_confidence', flow_estimator=None),  # the model's
)
optim_wrapper = dict(discriminator=_base_.optimizer_of_discriminator)
param_scheduler = dict(discriminator=_base_.schedule_of_discriminator)
train_dataloader = dict(dataset=dict(source=_base_.source_pairs))
val_dataloader = test_dataloader = dict(dataset=_base_.test_pairs)
