# QuadMix over TPS: model = _base_.quadmix in a leaf that inherits tps.py as well
quadmix = dict(
    type='QuadMix',
    lambda_tps=0.2,
    # fence, traffic light, traffic sign, terrain, motorcycle and bicycle of VIPER's classes
    pasted_classes=[3, 4, 5, 7, 13, 14],
    number=2,
    threshold=0.9,
    lambda_mmd=0.01,
)
quadmix_dataset = dict(rare_patches=dict(number=3))
# The labels are those of the network that the run starts from, TPS's: load_from=work_dirs/tps/.../iter_40000.pth
proxy_copy = dict(type='ProxyCopyHook', interval=8000, launch=0)
