_base_ = './daformer.py'
method = dict(type='MIC', mask_block=64, mask_ratio=0.7, lambda_mask=1.0)
