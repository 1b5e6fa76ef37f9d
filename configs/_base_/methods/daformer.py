_base_ = '../default_runtime.py'
# Of viper15: traffic light, traffic sign, person, car, truck, bus, motorcycle, bicycle
thing_classes = [4, 5, 9, 10, 11, 12, 13, 14]
thing_classes_12 = [5, 6, 9, 10, 11]  # of synthia12
thing_classes_19 = [6, 7, 11, 12, 13, 14, 15, 16, 17, 18]  # of cityscapes19, with rider and train
method = dict(type='DAFormer', threshold=0.968, lambda_mix=1.0, thing_classes=thing_classes, lambda_fd=0.005)
# No labels at the top, and of the car's bonnet: 15 and 120 of 512 rows; crops have all rows of the image.
margins = dict(top=15, bottom=120)
default_hooks = dict(proxy_ema=dict(type='ProxyEMAHook', momentum=0.999))
