_base_ = ['../_base_/methods/cmom.py', '../_base_/datasets/viper2cs_two-frame.py', '../_base_/schedules/cmom_40k.py']
