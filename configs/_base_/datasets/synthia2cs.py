# SYNTHIA-SEQS-04-DAWN images -> Cityscapes-Seq frame pairs: 12 classes trained, 11 reported, as in DA-VSN.
_base_ = './viper2cs.py'
source_size = (1280, 768)  # width, height; Sec. 4.2
source_pipeline = [_base_.read_image, _base_.read_labels, dict(_base_.resize, scale=source_size), _base_.pack]
source = dict(type='SynthiaSeqDataset', data_root='data/synthia/SEQS-04-DAWN', pipeline=source_pipeline)
train_dataloader = dict(dataset=dict(source=dict(source, _delete_=True), target=dict(class_space='synthia12')))
val_dataloader = test_dataloader = dict(dataset=dict(class_space='synthia12'))
val_evaluator = test_evaluator = dict(protocol='synthia11')
