# The average of the networks of the first three stages:
#   python tools/test.py THIS_CONFIG work_dirs/fda/deeplabv2_r101_synthia2cs/stage_0.pth
_base_ = './deeplabv2_r101_synthia2cs.py'
checkpoints = [f'work_dirs/fda/deeplabv2_r101_synthia2cs/stage_{stage}.pth' for stage in (1, 2)]
networks = dict(data_preprocessor=_base_.model.data_preprocessor, segmentor=_base_.model.segmentor)
model = dict(_delete_=True, type='MultiBandSegmentor', checkpoints=checkpoints, **networks)
test_dataloader = dict(dataset=dict(pipeline=_base_.multi_band_test_pipeline))
