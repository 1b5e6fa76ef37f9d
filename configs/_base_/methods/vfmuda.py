_base_ = '../default_runtime.py'
# torchvision's colour jitter, in its order and ranges: brightness, contrast, saturation, hue
weak = dict(
    type='StrongAugmentation', blur_prob=0.0, gray_prob=0.0, jitter=(32 / 255, 0.5, 0.5, 18 / 360), jitter_prob=0.9
)
strong = dict(
    type='StrongAugmentation',
    blur_sigmas=dict(low=0.15, high=1.15),
    blur_prob=0.5,
    gray_prob=0.0,
    jitter=(0.2, 0.2, 0.2, 0.2),
    jitter_prob=0.8,
)
method = dict(
    type='VFMUDA',
    threshold=0.968,
    lambda_mix=1.0,
    mask_block='token',
    mask_ratio=0.7,
    lambda_mask=1.0,
    weak_augmentation=weak,
    augmentation=strong,
)
default_hooks = dict(proxy_ema=dict(type='ProxyEMAHook', momentum=0.999))
