# CMOM's released configs: the rate falls as if for 250,000 iterations, training stops at 40,000, the norm of the
# gradients is clipped to 1.
_base_ = './tps_40k.py'
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=5e-4), clip_grad=dict(max_norm=1.0)))
