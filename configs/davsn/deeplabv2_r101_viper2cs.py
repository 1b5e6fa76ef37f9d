_base_ = ['../_base_/methods/davsn.py', '../_base_/datasets/viper2cs_two-frame.py', '../_base_/schedules/davsn_50k.py']
