_base_ = ['./deeplabv2_r18_streetworld.py', '../_base_/methods/refinement.py']
model = dict(refinement=_base_.small_refinement)
# F_01 and F_10 in the data workers
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='EstimateFlow'), _base_.pack_frames]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
