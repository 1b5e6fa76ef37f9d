# VIPER frame pairs -> Cityscapes-Seq frame pairs, also at test time, at the sizes of DA-VSN and TPS. VIPER: archives
# of images *0 and *9, labels *0.
_base_ = './viper2cs.py'
source_pipeline = [
    dict(type='LoadFramePair'),
    dict(type='LoadRawLabels'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map', 'gt_seg_map']),
        auto_remap=True,
        share_random_params=True,
        transforms=[
            dict(type='Resize', scale=(1280, 720), keep_ratio=False, backend='pillow', interpolation='bicubic')
        ],
    ),
    dict(type='MaskEgoVehicle', label=10),
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
            dict(type='Resize', scale=(1024, 512), keep_ratio=False, backend='pillow', interpolation='bicubic')
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
            dict(type='Resize', scale=(1024, 512), keep_ratio=False, backend='pillow', interpolation='bicubic')
        ],
    ),
    dict(type='LoadRawLabels'),  # after Resize: predictions are brought to the label's own size
    dict(type='PackFramePair'),
]
train_dataloader = dict(dataset=dict(source=dict(previous_frame=True, pipeline=source_pipeline)))
val_dataloader = dict(dataset=dict(previous_frame=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
