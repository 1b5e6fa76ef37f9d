"""FlowNet 2.0 (Ilg et al., CVPR 2017)."""

from .networks import bgr_unit_range, leaky_relu, levels

_IN_CHANNELS = dict(level6=1024, level5=1026, level4=770, level3=386, level2=194)
_OUT_CHANNELS = dict(level6=512, level5=256, level4=128, level3=64)


def flownet2() -> dict:
    """FlowNet-C, two FlowNet-S in a row, FlowNet-SD beside them, and the network that fuses both: 162.5 M weights."""
    return dict(
        type='FlowNet2', data_preprocessor=bgr_unit_range(),
        flownetCSS=dict(
            type='FlowNetCSS', flownetC=_flownet_c(), flownetS1=_flownet_s(), flownetS2=_flownet_s(),
            link_cfg=dict(scale_factor=4, mode='bilinear'), out_level='level2', flow_div=20.0,
        ),
        flownetSD=_flownet_sd(), flownet_fusion=_fusion(), link_cfg=dict(scale_factor=4, mode='nearest'), flow_div=20.0,
        out_level='level2',
    )  # fmt: skip


def flownet2_nvidia() -> dict:
    """FlowNet2 as NVIDIA trained it: RGB, less the mean over both frames, and correlations averaged over channels.

    ``tools/model_converters/flownet2_nvidia.py`` makes its checkpoint.
    """
    model = flownet2()
    model['data_preprocessor'] = dict(mean='pair', std=[255.0] * 3, bgr_to_rgb=True)
    model['flownetCSS']['flownetC']['corr_encoder']['scaled'] = True
    return model


def _flownet_c() -> dict:
    return dict(
        type='FlowNetC',
        encoder=dict(
            type='FlowNetEncoder', in_channels=3, pyramid_levels=levels(1, 3), out_channels=(64, 128, 256),
            kernel_size=(7, 5, 5), strides=(2, 2, 2), num_convs=(1, 1, 1), dilations=(1, 1, 1), act_cfg=leaky_relu(),
        ),
        corr_level='level3',
        corr_encoder=dict(
            type='CorrEncoder', in_channels=473, pyramid_levels=levels(3, 6), kernel_size=(3, 3, 3, 3),
            num_convs=(1, 2, 2, 2), out_channels=(256, 512, 512, 1024), redir_in_channels=256, redir_channels=32,
            strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1),
            corr_cfg=dict(
                type='Correlation', kernel_size=1, max_displacement=10, stride=1, padding=0, dilation_patch=2,
            ),
            scaled=False, act_cfg=leaky_relu(),
        ),
        decoder=_decoder('FlowNetCDecoder'),
    )  # fmt: skip


def _flownet_s() -> dict:
    return dict(
        type='FlowNetS',
        encoder=dict(
            type='FlowNetEncoder', in_channels=12, pyramid_levels=levels(1, 6), num_convs=(1, 1, 2, 2, 2, 2),
            out_channels=(64, 128, 256, 512, 512, 1024), kernel_size=(7, 5, (5, 3), 3, 3, 3), strides=(2,) * 6,
            dilations=(1,) * 6, act_cfg=leaky_relu(),
        ),
        decoder=_decoder('FlowNetSDecoder', upsample_bias=False),
    )  # fmt: skip


def _flownet_sd() -> dict:
    return dict(
        type='FlowNetS',
        encoder=dict(
            type='FlowNetSDEncoder', in_channels=6, plugin_channels=64, pyramid_levels=levels(1, 6), num_convs=(2,) * 6,
            out_channels=((64, 128), 128, 256, 512, 512, 1024), kernel_size=3, strides=(2,) * 6, dilations=(1,) * 6,
            act_cfg=leaky_relu(),
        ),
        decoder=_decoder('FlowNetSDecoder', inter_channels=dict(level5=512, level4=256, level3=128, level2=64)),
    )  # fmt: skip


def _fusion() -> dict:
    """Levels are named as mmflow does: level n is 2^(n - 1) times smaller than the frame here."""
    return dict(
        type='FlowNetS',
        encoder=dict(
            type='FlowNetEncoder', in_channels=11, pyramid_levels=levels(1, 3), num_convs=(1, 2, 2),
            out_channels=(64, (64, 128), 128), kernel_size=3, strides=(1, 2, 2), dilations=(1, 1, 1),
            act_cfg=leaky_relu(),
        ),
        decoder=_decoder(
            'FlowNetSDecoder', in_channels=dict(level3=128, level2=162, level1=82),
            out_channels=dict(level3=32, level2=16), inter_channels=dict(level2=32, level1=16), flow_div=1.0,
        ),
    )  # fmt: skip


def _decoder(network: str, **overrides: object) -> dict:
    decoder = dict(
        type=network, in_channels=dict(_IN_CHANNELS), out_channels=dict(_OUT_CHANNELS), deconv_bias=True,
        pred_bias=True, upsample_bias=True, act_cfg=leaky_relu(),
    )  # fmt: skip
    return decoder | overrides
