# SYNTHIA-SEQS-04-DAWN -> Cityscapes-Seq as FDA reads it: source crops of the target's size, in the target's look.
# Size of the released synthia_dataset.py.
_base_ = './viper2cs_fda.py'
source_size = (1280, 760)  # width, height
to_source_size = dict(_base_.resize, scale=source_size)
source_pipeline = [_base_.read_image, _base_.read_labels, to_source_size, _base_.crop, _base_.pack]
source = dict(type='SynthiaSeqDataset', data_root='data/synthia/SEQS-04-DAWN', pipeline=source_pipeline)
train_dataloader = dict(dataset=dict(source=dict(source, _delete_=True), target=dict(class_space='synthia12')))
val_dataloader = test_dataloader = dict(dataset=dict(class_space='synthia12'))
val_evaluator = test_evaluator = dict(protocol='synthia11')
