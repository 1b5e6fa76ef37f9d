_base_ = ['../_base_/methods/i2vda.py', '../_base_/datasets/viper2cs.py', '../_base_/schedules/adversarial_50k.py']
