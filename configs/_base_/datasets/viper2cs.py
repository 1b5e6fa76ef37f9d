# VIPER images -> Cityscapes-Seq frame pairs, Sec. 4.1 and 4.2 of the paper: 1 + 1 a GPU, two GPUs.
source_size, target_size = (896, 512), (1024, 512)  # width, height; Sec. 4.2

# Steps of which the pipelines here and of the data sets that inherit this file are put together.
resize = dict(type='Resize', keep_ratio=False, backend='pillow', interpolation='bicubic')  # as in the released codes
read_image, read_labels, pack = dict(type='LoadImage'), dict(type='LoadRawLabels'), dict(type='PackSegInputs')
read_frames, pack_frames = dict(type='LoadFramePair'), dict(type='PackFramePair')
mask_ego_vehicle = dict(type='MaskEgoVehicle', label=10)  # DA-VSN's code, which the paper follows
match_colours = dict(type='HistogramMatching')  # TPS's source images, to their target's
each_frame = dict(
    type='TransformBroadcaster',
    mapping=dict(img=['frame_0', 'frame_1']),
    auto_remap=True,
    share_random_params=True,
)
to_source_size, to_target_size = dict(resize, scale=source_size), dict(resize, scale=target_size)

source_pipeline = [read_image, read_labels, to_source_size, mask_ego_vehicle, pack]
target_pipeline = [read_frames, dict(each_frame, transforms=[to_target_size]), pack_frames]
# Labels come after Resize: predictions are brought to the label's own size.
test_pipeline = [read_image, to_target_size, read_labels, pack]

target = dict(type='CityscapesSeqDataset', data_root='data/cityscapes', class_space='viper15')
workers = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    batch_size=1,
    **workers,
    sampler=dict(type='DomainPairSampler'),
    dataset=dict(
        type='DomainPairDataset',
        source=dict(type='ViperDataset', data_root='data/viper', pipeline=source_pipeline),
        # I_1 is the labelled frame, as in DA-VSN
        target=dict(target, split='train', pairs='labelled', pipeline=target_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=1,
    **workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, split='val', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric', protocol='viper15')
test_evaluator = val_evaluator
tc_evaluator = dict(type='TemporalConsistency', preset='clean', flow_estimator=dict(type='DISFlow'))
