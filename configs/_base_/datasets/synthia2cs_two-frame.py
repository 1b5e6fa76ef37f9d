# SYNTHIA-SEQS-04-DAWN frame pairs -> Cityscapes-Seq frame pairs, also at test time; sizes and crop of DA-VSN and TPS.
_base_ = './viper2cs_two-frame.py'
source_size = (1280, 760)  # width, height
to_source_size = dict(_base_.resize, scale=source_size)
cut = dict(_base_.labelled_frames, transforms=[to_source_size, dict(type='DropBottomRows', rows=120)])
source_pipeline = [_base_.read_frames, _base_.read_labels, cut, _base_.pack_frames]
source = dict(
    type='SynthiaSeqDataset', data_root='data/synthia/SEQS-04-DAWN', previous_frame=True, pipeline=source_pipeline
)
train_dataloader = dict(dataset=dict(source=dict(source, _delete_=True), target=dict(class_space='synthia12')))
val_dataloader = test_dataloader = dict(dataset=dict(class_space='synthia12'))
val_evaluator = test_evaluator = dict(protocol='synthia11')
