_base_ = '../cbst/deeplabv2_r18_streetworld.py'
model = dict(type='CRST', regularizer='lrent')
soft_label_pipeline = [*_base_.label_pipeline[:3], dict(type='LoadSoftPseudoLabels'), *_base_.label_pipeline[3:]]
# CRST's LRENT: its alpha
train_cfg = dict(rounds=dict(labeller=dict(alpha=0.25), dataset=dict(target=dict(pipeline=soft_label_pipeline))))
