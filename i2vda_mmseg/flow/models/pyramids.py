"""Networks that warp a feature pyramid: PWC-Net (Sun et al., CVPR 2018), LiteFlowNet2 (Hui et al., TPAMI 2020)."""

from .shared import bgr_unit_range, leaky_relu, levels


def pwcnet() -> dict:
    """PWC-Net: 9.4 M weights."""
    return dict(
        type='PWCNet',
        data_preprocessor=bgr_unit_range(),
        encoder=dict(
            type='PWCNetEncoder',
            in_channels=3,
            net_type='Basic',
            pyramid_levels=levels(1, 6),
            out_channels=(16, 32, 64, 96, 128, 196),
            strides=(2,) * 6,
            dilations=(1,) * 6,
            act_cfg=leaky_relu(),
        ),
        decoder=dict(
            type='PWCNetDecoder',
            in_channels=dict(level6=81, level5=213, level4=181, level3=149, level2=117),
            flow_div=20.0,
            corr_cfg=dict(type='Correlation', max_displacement=4, padding=0),
            warp_cfg=dict(type='Warp', align_corners=True, use_mask=True),
            act_cfg=leaky_relu(),
            scaled=False,
            post_processor=dict(type='ContextNet', in_channels=565),
        ),
    )


def liteflownet2() -> dict:
    """LiteFlowNet2: 6.4 M weights."""
    return dict(
        type='LiteFlowNet',
        data_preprocessor=bgr_unit_range(),
        encoder=dict(
            type='NetC',
            in_channels=3,
            pyramid_levels=levels(1, 6),
            out_channels=(32, 32, 64, 96, 128, 192),
            strides=(1, 2, 2, 2, 2, 2),
            num_convs=(1, 3, 2, 2, 1, 1),
            act_cfg=leaky_relu(),
        ),
        decoder=dict(
            type='NetE',
            in_channels=dict(level3=64, level4=96, level5=128, level6=192),
            corr_channels=dict(level3=49, level4=49, level5=49, level6=49),
            sin_channels=dict(level3=130, level4=194, level5=258, level6=386),
            rin_channels=dict(level3=131, level4=131, level5=131, level6=195),
            feat_channels=64,
            mfeat_channels=(128, 128, 96, 64, 32),
            sfeat_channels=(128, 128, 96, 64, 32),
            rfeat_channels=(128, 128, 64, 64, 32, 32),
            patch_size=dict(level3=5, level4=5, level5=3, level6=3),
            corr_cfg=dict(
                level3=dict(type='Correlation', max_displacement=3, stride=2, dilation_patch=2),
                level4=dict(type='Correlation', max_displacement=3),
                level5=dict(type='Correlation', max_displacement=3),
                level6=dict(type='Correlation', max_displacement=3),
            ),
            warp_cfg=dict(type='Warp', align_corners=True, use_mask=True),
            flow_div=20.0,
            act_cfg=leaky_relu(),
            scaled_corr=False,
            regularized_flow=True,
            extra_training_loss=True,
        ),
    )
