_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(type='CBST')  # CRST's released code without its regularizers
