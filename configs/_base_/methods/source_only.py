_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
# The target is read as in every other method, and used only with batch_statistics='target'.
model = dict(type='SourceOnly')
