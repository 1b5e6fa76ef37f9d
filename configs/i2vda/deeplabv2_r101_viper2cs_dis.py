# OpenCV's DIS flow instead of FlowNet2, which needs mmflow and weights; all of it in the data workers, a t a sample
_base_ = './deeplabv2_r101_viper2cs.py'
flow_estimator = dict(type='DISFlow')
model = dict(flow_estimator=dict(_delete_=True, **flow_estimator))
target_pipeline = [
    *_base_.target_pipeline[:-1],
    dict(type='EstimateFlow', estimator=flow_estimator),  # F_01, F_10
    _base_.model.temporal_augmentation,  # I_t
    dict(type='EstimateFlow', estimator=flow_estimator, flows=['1t']),  # Eq. 5
    dict(type='PackFramePair'),
]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
