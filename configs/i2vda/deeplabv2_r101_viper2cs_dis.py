# OpenCV's DIS flow instead of FlowNet2, which needs mmflow and weights
_base_ = './deeplabv2_r101_viper2cs.py'
model = dict(flow_estimator=dict(_delete_=True, type='DISFlow'))
