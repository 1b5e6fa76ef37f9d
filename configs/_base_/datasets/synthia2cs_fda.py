# SYNTHIA-SEQS-04-DAWN -> Cityscapes-Seq as FDA reads it: source crops of the target's size, in the target's look.
_base_ = './synthia2cs.py'
source_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadRawLabels'),
    dict(type='Resize', scale=(1280, 760), keep_ratio=False, backend='pillow', interpolation='bicubic'),
    dict(type='RandomCrop', crop_size=(512, 1024)),  # height, width
    dict(type='PackSegInputs'),
]
target_pipeline = [*_base_.target_pipeline[:-1], dict(type='LoadPseudoLabels'), dict(type='PackFramePair')]
train_dataloader = dict(
    dataset=dict(
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
        joint_pipeline=[dict(type='SpectrumTransfer', beta=0.01, half_spectrum=True)],
    )
)
