_base_ = '../cbst/deeplabv2_r18_streetworld.py'
model = dict(type='CRST', regularizer='mrkld')
