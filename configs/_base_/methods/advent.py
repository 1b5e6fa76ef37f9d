_base_ = './adaptsegnet_multi-level.py'
model = dict(type='AdvEnt')  # ADVENT's released settings are AdaptSegNet's
