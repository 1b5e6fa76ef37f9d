_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(
    type='DACS',
    threshold=0.968,
    lambda_mix=1.0,
    # The released codes of DACS and its successors average over all pixels, the ignored ones counted.
    segmentor=dict(decode_head=dict(loss_decode=dict(avg_non_ignore=False))),
)
# a default hook, so that custom_hooks of a config add to it instead of replacing it
default_hooks = dict(proxy_ema=dict(type='ProxyEMAHook', momentum=0.99))  # DACS; its successors 0.999
