_base_ = '../deeplabv2_r101_viper2cs.py'
# M' is the copy of iteration 0 until the first ITER_COPY at 8,000; copy_at_launch=True is the other reading.
default_hooks = dict(proxy_copy=dict(launch=1000))
