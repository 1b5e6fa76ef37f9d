# VIPER images -> Cityscapes-Seq frame pairs, Sec. 4.1 and 4.2 of the paper: 1 + 1 a GPU, two GPUs.
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadRawLabels'),
    dict(type='Resize', scale=(896, 512), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='MaskEgoVehicle', label=10),  # DA-VSN's code, which the paper follows
    dict(type='PackSegInputs'),
]
target_pipeline = [
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
    dict(type='PackFramePair'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='Resize', scale=(1024, 512), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='LoadRawLabels'),  # after Resize: predictions are brought to the label's own size
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DomainPairSampler'),
    dataset=dict(
        type='DomainPairDataset',
        source=dict(type='ViperDataset', data_root='data/viper', pipeline=source_pipeline),
        target=dict(
            type='CityscapesSeqDataset',
            data_root='data/cityscapes',
            split='train',
            class_space='viper15',
            pairs='labelled',  # I_1 is the labelled frame, as in DA-VSN
            pipeline=target_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CityscapesSeqDataset',
        data_root='data/cityscapes',
        split='val',
        class_space='viper15',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric', protocol='viper15')
test_evaluator = val_evaluator
tc_evaluator = dict(type='TemporalConsistency', preset='clean', flow_estimator=dict(type='DISFlow'))
