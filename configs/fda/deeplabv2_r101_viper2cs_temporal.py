_base_ = ['./deeplabv2_r101_viper2cs.py', '../_base_/methods/temporal.py']
model = dict(temporal=_base_.temporal)
default_hooks = dict(proxy_copy=dict(type='ProxyCopyHook', interval=8000, launch=8000))  # of each stage's 50,000
