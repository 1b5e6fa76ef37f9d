_base_ = ['../default_runtime.py', '../models/deeplabv2_r101.py']
model = dict(
    type='I2VDA',
    discriminator=dict(type='FCDiscriminator', in_channels=15, base_channels=64),  # AdaptSegNet's, Sec. 3.2
    # NVIDIA's weights of FlowNet2, made by tools/model_converters/flownet2_nvidia.py
    flow_estimator=dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth'),
    temporal_augmentation=dict(type='TemporalAugmentation', alpha=0.5, t='random'),  # Sec. 3.3
    pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0.3, eta=1.0, frame='1'),  # Table 5
    lambda_adv=0.01,  # Algorithm 1
    lambda_tc=1.0,
)
# a default hook, so that custom_hooks of a config add to it instead of replacing it
default_hooks = dict(proxy_copy=dict(type='ProxyCopyHook', interval=8000, launch=8000))  # Table 4
