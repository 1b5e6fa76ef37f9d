# OpenCV's DIS flow instead of FlowNet2, which needs mmflow and weights; all of it in the data workers, a t a sample
_base_ = './deeplabv2_r101_viper2cs.py'
model = dict(flow_estimator=dict(_delete_=True, type='DISFlow'))
target_pipeline = [
    *_base_.target_pipeline[:-1],
    dict(type='EstimateFlow'),  # F_01, F_10
    _base_.model.temporal_augmentation,  # I_t
    dict(type='EstimateFlow', flows=['1t']),  # Eq. 5
    _base_.pack_frames,
]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
