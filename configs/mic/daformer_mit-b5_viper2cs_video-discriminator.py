# UnifiedVideoDA's reading of UDA-VSS: a discriminator of two frames, and labels that the frame before confirms
_base_ = [
    './daformer_mit-b5_viper2cs.py',
    '../_base_/methods/refinement.py',
    '../_base_/methods/video_discriminator.py',
]
model = dict(_base_.deceiving, refinement=_base_.refinement)
optim_wrapper = dict(discriminator=_base_.optimizer_of_discriminator)
param_scheduler = dict(discriminator=_base_.schedule_of_discriminator)
train_dataloader = dict(dataset=dict(source=_base_.source_pairs))
