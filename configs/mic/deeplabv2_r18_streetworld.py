_base_ = '../daformer/deeplabv2_r18_streetworld.py'
model = dict(type='MIC', mask_block=16, mask_ratio=0.7, lambda_mask=1.0)  # a sixth of the height: as 64 of 512 rows
