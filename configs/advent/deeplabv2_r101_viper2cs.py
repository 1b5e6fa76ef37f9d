_base_ = ['../_base_/methods/advent.py', '../_base_/datasets/viper2cs.py', '../_base_/schedules/adversarial_50k.py']
