# SYNTHIA-SEQS-04-DAWN images -> Cityscapes-Seq frame pairs: 12 classes trained, 11 reported, as in DA-VSN.
_base_ = './viper2cs.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadRawLabels'),
    dict(type='Resize', scale=(1280, 768), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
            type='SynthiaSeqDataset',
            data_root='data/synthia/SEQS-04-DAWN',
            pipeline=source_pipeline,
        ),
        target=dict(class_space='synthia12'),
    )
)
val_dataloader = dict(dataset=dict(class_space='synthia12'))
test_dataloader = val_dataloader
val_evaluator = dict(protocol='synthia11')
test_evaluator = val_evaluator
