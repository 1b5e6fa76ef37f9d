_base_ = ['../_base_/methods/fda.py', '../_base_/datasets/viper2cs_fda.py', '../_base_/schedules/fda_200k.py']
