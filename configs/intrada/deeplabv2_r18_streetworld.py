_base_ = [
    '../_base_/methods/advent.py',
    '../_base_/models/deeplabv2_r18.py',
    '../_base_/datasets/streetworld.py',
    '../_base_/schedules/streetworld_intrada.py',
]
model = dict(
    data_preprocessor=_base_.small_data_preprocessor,
    segmentor=_base_.small_multi_level_segmentor,
    discriminator=_base_.small_discriminator_set,
    batch_statistics='target',
    lambda_adv=0.005,  # five times the released weights, for a schedule much shorter
    lambda_adv_aux=0.001,
)
train_dataloader = dict(dataset=dict(target=dict(pairs='labelled')))  # a list of frames names these one by one
