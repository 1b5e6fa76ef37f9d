_base_ = ['./deeplabv2_r101_viper2cs.py', '../_base_/methods/temporal.py']
model = dict(temporal=_base_.temporal)
# each stage starts from the initial weights, and so does its proxy
default_hooks = dict(proxy_copy=dict(type='ProxyCopyHook', interval=8000, launch=8000, each_stage=True))
