_base_ = ['../_base_/methods/tps.py', '../_base_/datasets/viper2cs_two-frame.py', '../_base_/schedules/tps_40k.py']
train_dataloader = dict(dataset=_base_.tps_dataset)
