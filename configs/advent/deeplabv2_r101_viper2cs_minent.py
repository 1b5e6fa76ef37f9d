_base_ = ['../_base_/methods/minent.py', '../_base_/datasets/viper2cs.py', '../_base_/schedules/source_50k.py']
