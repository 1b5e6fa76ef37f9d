_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level.py']
model = dict(
    type='TPS',
    segmentor=dict(type='TwoFrameEncoderDecoder', propagation=dict(type='BackwardWarp')),
    # NVIDIA's weights of FlowNet2, made by tools/model_converters/flownet2_nvidia.py
    flow_estimator=dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth'),
    # the released train_video_UDA.py; its configs for the weights
    augmentation=dict(
        type='StrongAugmentation',
        blur_sigmas=(5.0, 7.0, 9.0),
        blur_prob=0.6,
        jitter=(0.8, 0.8, 0.8, 0.2),
        jitter_prob=0.8,
        gray_prob=0.2,
    ),
    interval=1,
    scales=(0.8, 1.2),
    lambda_seg_aux=0.1,
    lambda_tps=0.1,  # VIPER; SYNTHIA 1
)
