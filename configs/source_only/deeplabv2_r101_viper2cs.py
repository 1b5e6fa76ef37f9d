_base_ = ['../_base_/methods/source_only.py', '../_base_/datasets/viper2cs.py', '../_base_/schedules/source_50k.py']
