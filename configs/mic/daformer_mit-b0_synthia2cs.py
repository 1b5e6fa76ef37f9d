_base_ = './daformer_mit-b5_synthia2cs.py'
model = dict(segmentor=_base_.b0_hrda)
