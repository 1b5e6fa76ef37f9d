# StreetWorld with the frame before each source image.
#   python tools/make_streetworld.py --out data/streetworld --previous-frames
_base_ = './streetworld.py'
source_pipeline = [
    dict(type='LoadFramePair'),
    dict(type='LoadRawLabels'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map', 'gt_seg_map']),
        auto_remap=True,
        share_random_params=True,
        transforms=[
            dict(type='Resize', scale=_base_.size, keep_ratio=False, backend='pillow', interpolation='bicubic')
        ],
    ),
    dict(type='PackFramePair'),
]
three_frame_pipeline = [
    dict(type='LoadFramePair'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1', 'frame_2']),
        auto_remap=True,
        share_random_params=True,
        transforms=[
            dict(type='Resize', scale=_base_.size, keep_ratio=False, backend='pillow', interpolation='bicubic')
        ],
    ),
    dict(type='PackFramePair'),
]
test_pipeline = [
    dict(type='LoadFramePair'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1']),
        auto_remap=True,
        share_random_params=True,
        transforms=[
            dict(type='Resize', scale=_base_.size, keep_ratio=False, backend='pillow', interpolation='bicubic')
        ],
    ),
    dict(type='LoadRawLabels'),
    dict(type='PackFramePair'),
]
train_dataloader = dict(dataset=dict(source=dict(previous_frame=True, pipeline=source_pipeline)))
val_dataloader = dict(dataset=dict(previous_frame=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
