"""Networks without weights of their own: what several share, feature pyramids, and iterative refinement."""

from typing import Any


def leaky_relu() -> dict:
    """Give the activation of the FlowNets and of the feature pyramids."""
    return dict(type='LeakyReLU', negative_slope=0.1)


def levels(first: int, last: int) -> list[str]:
    """Name pyramid levels; level n is 2^n times smaller than the frame, unless the network says otherwise."""
    return [f'level{level}' for level in range(first, last + 1)]


def bgr_unit_range() -> dict:
    """Give the input handling of most networks: BGR in 0..1."""
    return dict(type='FlowDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3, bgr_to_rgb=False)


def pwcnet() -> dict:
    """PWC-Net: 9.4 M weights."""
    return dict(
        type='PWCNet', data_preprocessor=bgr_unit_range(),
        encoder=dict(
            type='PWCNetEncoder', in_channels=3, net_type='Basic', pyramid_levels=levels(1, 6),
            out_channels=(16, 32, 64, 96, 128, 196), strides=(2,) * 6, dilations=(1,) * 6, act_cfg=leaky_relu(),
        ),
        decoder=dict(
            type='PWCNetDecoder', in_channels=dict(level6=81, level5=213, level4=181, level3=149, level2=117),
            flow_div=20.0, corr_cfg=dict(type='Correlation', max_displacement=4, padding=0),
            warp_cfg=dict(type='Warp', align_corners=True, use_mask=True), act_cfg=leaky_relu(), scaled=False,
            post_processor=dict(type='ContextNet', in_channels=565),
        ),
    )  # fmt: skip


def liteflownet2() -> dict:
    """LiteFlowNet2: 6.4 M weights."""
    return dict(
        type='LiteFlowNet', data_preprocessor=bgr_unit_range(),
        encoder=dict(
            type='NetC', in_channels=3, pyramid_levels=levels(1, 6), out_channels=(32, 32, 64, 96, 128, 192),
            strides=(1, 2, 2, 2, 2, 2), num_convs=(1, 3, 2, 2, 1, 1), act_cfg=leaky_relu(),
        ),
        decoder=dict(
            type='NetE', in_channels=dict(level3=64, level4=96, level5=128, level6=192),
            corr_channels=dict(level3=49, level4=49, level5=49, level6=49),
            sin_channels=dict(level3=130, level4=194, level5=258, level6=386),
            rin_channels=dict(level3=131, level4=131, level5=131, level6=195), feat_channels=64,
            mfeat_channels=(128, 128, 96, 64, 32), sfeat_channels=(128, 128, 96, 64, 32),
            rfeat_channels=(128, 128, 64, 64, 32, 32), patch_size=dict(level3=5, level4=5, level5=3, level6=3),
            corr_cfg=dict(
                level3=dict(type='Correlation', max_displacement=3, stride=2, dilation_patch=2),
                level4=dict(type='Correlation', max_displacement=3),
                level5=dict(type='Correlation', max_displacement=3),
                level6=dict(type='Correlation', max_displacement=3),
            ),
            warp_cfg=dict(type='Warp', align_corners=True, use_mask=True), flow_div=20.0, act_cfg=leaky_relu(),
            scaled_corr=False, regularized_flow=True, extra_training_loss=True,
        ),
    )  # fmt: skip


_ITERATIONS = 32  # as mmflow tests its published weights


def raft() -> dict:
    """RAFT: 5.3 M weights."""
    return _network('RAFTDecoder')


def gma() -> dict:
    """RAFT with global motion aggregation: 5.8 M weights."""
    return _network('GMADecoder', heads=1, motion_channels=128, position_only=False, max_pos_size=None)


def _network(decoder: str, **options: Any) -> dict:
    return dict(
        type='RAFT',
        data_preprocessor=dict(type='FlowDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=False),
        num_levels=4,
        radius=4,
        cxt_channels=128,
        h_channels=128,
        encoder=_encoder(norm='IN'),
        # trained with SyncBN, which in eval mode is the same layer
        cxt_encoder=_encoder(norm='BN'),
        decoder=dict(
            type=decoder,
            net_type='Basic',
            num_levels=4,
            radius=4,
            iters=12,
            corr_op_cfg=dict(type='CorrLookup', align_corners=True),
            gru_type='SeqConv',
            act_cfg=dict(type='ReLU'),
            **options,
        ),
        test_cfg=dict(iters=_ITERATIONS),
    )


def _encoder(norm: str) -> dict:
    return dict(type='RAFTEncoder', in_channels=3, out_channels=256, net_type='Basic', norm_cfg=dict(type=norm))
