_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level.py']
model = dict(type='MinEnt', lambda_seg_aux=0.1, lambda_ent=0.001, lambda_ent_aux=0.0002)  # ADVENT's released settings
