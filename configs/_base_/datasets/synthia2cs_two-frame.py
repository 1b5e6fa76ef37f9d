# SYNTHIA-SEQS-04-DAWN frame pairs -> Cityscapes-Seq frame pairs, also at test time; sizes and crop of DA-VSN and TPS.
_base_ = './viper2cs_two-frame.py'
source_pipeline = [
    dict(type='LoadFramePair'),
    dict(type='LoadRawLabels'),
    dict(
        type='TransformBroadcaster',
        mapping=dict(img=['frame_0', 'frame_1'], gt_seg_map=['gt_seg_map', 'gt_seg_map']),
        auto_remap=True,
        share_random_params=True,
        transforms=[
            dict(type='Resize', scale=(1280, 760), keep_ratio=False, backend='pillow', interpolation='bicubic'),
            dict(type='DropBottomRows', rows=120),
        ],
    ),
    dict(type='PackFramePair'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
            type='SynthiaSeqDataset',
            data_root='data/synthia/SEQS-04-DAWN',
            previous_frame=True,
            pipeline=source_pipeline,
        ),
        target=dict(class_space='synthia12'),
    )
)
val_dataloader = dict(dataset=dict(class_space='synthia12'))
test_dataloader = val_dataloader
val_evaluator = dict(protocol='synthia11')
test_evaluator = val_evaluator
