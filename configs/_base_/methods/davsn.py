_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level.py']
judge = dict(type='FCDiscriminator', in_channels=30, base_channels=64)  # two frames of 15 classes
model = dict(
    type='DAVSN',
    segmentor=dict(type='TwoFrameEncoderDecoder', propagation=dict(type='Splat')),
    # NVIDIA's weights of FlowNet2, made by tools/model_converters/flownet2_nvidia.py
    flow_estimator=dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth'),
    discriminator=dict(type='DiscriminatorSet', sta=judge, sta_aux=judge, sa=judge, sa_aux=judge),
    loss_gan=dict(type='BinaryCrossEntropyLoss'),
    lambda_seg_aux=0.1,  # these: the released config.py and train_video_UDA.py
    lambda_u=0.001,
    lambda_sa=1.0,
    lambda_aux=0.2,
    lambda_wd=1.0,
)
