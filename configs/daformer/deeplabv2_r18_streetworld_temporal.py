_base_ = ['./deeplabv2_r18_streetworld.py', '../_base_/methods/temporal.py']
model = dict(temporal=_base_.small_temporal)
# F_01 and F_10 in the data workers; I_t and F_1t in the model, with one t an iteration
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='EstimateFlow'), _base_.pack_frames]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
