# GTA5 -> Cityscapes-Seq, 19 classes, the field's reference task; files that inherit this one say how both are read.
_base_ = './viper2cs.py'
class_space = 'cityscapes19'  # what follows from it is written out for programs that do not know the key
source = dict(
    _delete_=True,
    type='LabelledFolderDataset',
    data_root='data/gta5',
    class_space=class_space,
    domain='source',
)
target = dict(class_space=class_space)
train_dataloader = dict(batch_size=2, dataset=dict(source=source, target=target))
val_dataloader = test_dataloader = dict(dataset=dict(class_space=class_space))
val_evaluator = test_evaluator = tc_evaluator = dict(protocol=class_space)
