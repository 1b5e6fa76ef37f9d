_base_ = '../default_runtime.py'
method = dict(type='DACS', threshold=0.968, lambda_mix=1.0)
# a default hook, so that custom_hooks of a config add to it instead of replacing it
default_hooks = dict(proxy_ema=dict(type='ProxyEMAHook', momentum=0.99))
