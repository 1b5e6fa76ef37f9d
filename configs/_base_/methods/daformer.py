_base_ = './dacs.py'
model = dict(
    type='DAFormer',
    thing_classes=[4, 5, 9, 10, 11, 12, 13, 14],  # viper15: light, sign, person, car, truck, bus, motorcycle, bicycle
    lambda_fd=0.005,
)
default_hooks = dict(proxy_ema=dict(momentum=0.999))
