# The average of the networks of the first three stages:
#   python tools/test.py THIS_CONFIG work_dirs/fda/deeplabv2_r101_synthia2cs/stage_0.pth
_base_ = './deeplabv2_r101_synthia2cs.py'
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(1344, 576), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadRawLabels'),  # after Resize: predictions are brought to the label's own size
    dict(type='PackSegInputs'),
]
model = dict(
    _delete_=True,
    type='MultiBandSegmentor',
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=_base_.model.segmentor,
    checkpoints=[f'work_dirs/fda/deeplabv2_r101_synthia2cs/stage_{stage}.pth' for stage in (1, 2)],
)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
