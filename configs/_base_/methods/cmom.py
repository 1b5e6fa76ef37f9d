_base_ = ['../default_runtime.py', '../models/deeplabv2_r101_multi-level.py']
model = dict(
    type='CMOM',
    segmentor=dict(type='TwoFrameEncoderDecoder', propagation=dict(type='Splat')),
    # NVIDIA's weights of FlowNet2, made by tools/model_converters/flownet2_nvidia.py
    flow_estimator=dict(type='MMFlow', model='flownet2_nvidia', checkpoint='checkpoints/flownet2_nvidia.pth'),
    share=0.75,  # the released config.py: MIX
    lambda_seg_aux=0.1,
    lambda_mix=1.0,
    stuff_classes=[0, 1, 2, 3, 6, 7, 8],  # of VIPER's: road, sidewalk, building, fence, vegetation, terrain, sky
    num_prototypes=50,
    lambda_align=0.01,
)
# The labels are those of the network that the run starts from, DA-VSN's: load_from=work_dirs/davsn/.../iter_50000.pth
default_hooks = dict(proxy_copy=dict(type='ProxyCopyHook', interval=40000, launch=0))
