_base_ = ['./daformer_mit-b5_viper2cs.py', '../_base_/methods/temporal.py']
model = dict(temporal=_base_.temporal)
default_hooks = dict(launch=dict(type='LaunchHook', launch=8000))  # ITER_LAUNCH of the paper
