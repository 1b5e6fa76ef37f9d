_base_ = '../deeplabv2_r101_viper2cs.py'
# M' is the copy of iteration 0 until 15,000, from 8,000 on in L_tc; copy_at_launch=True is the other reading.
default_hooks = dict(proxy_copy=dict(interval=15000))
