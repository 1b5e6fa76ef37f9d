# DeepLab-v2 with two heads that looks at the frame before as well, as in DA-VSN and TPS.
_base_ = './deeplabv2_r101_multi-level.py'
model = dict(segmentor=dict(type='TwoFrameEncoderDecoder', propagation=dict(type='BackwardWarp')))
