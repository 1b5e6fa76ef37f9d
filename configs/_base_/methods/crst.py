_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(type='CRST', regularizer='mrkld', lambda_mrkld=0.1)  # the paper; the released code's results are of 0.01
