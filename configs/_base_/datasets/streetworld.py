# StreetWorld, the embedded data set: game look -> camera look, in the layouts of VIPER and Cityscapes-Seq.
#   python tools/make_streetworld.py --out data/streetworld
_base_ = './viper2cs.py'
size = (192, 96)  # width, height
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadRawLabels'),
    dict(type='Resize', scale=size, keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='PackSegInputs'),
]
target_pipeline = [
    dict(type='LoadFramePair'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1']),
        auto_remap=True,
        share_random_params=True,
        transforms=[dict(type='Resize', scale=size, keep_ratio=False, backend='pillow', interpolation='bicubic')],
    ),
    dict(type='PackFramePair'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=size, keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadRawLabels'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        source=dict(data_root='data/streetworld/viper', pipeline=source_pipeline),
        target=dict(data_root='data/streetworld/cityscapes', pairs='consecutive', pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/streetworld/cityscapes', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
