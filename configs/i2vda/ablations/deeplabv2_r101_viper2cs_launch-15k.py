_base_ = '../deeplabv2_r101_viper2cs.py'
default_hooks = dict(proxy_copy=dict(launch=15000))
