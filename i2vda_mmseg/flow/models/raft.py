"""Networks that refine one flow again and again: RAFT (Teed and Deng, ECCV 2020), GMA (Jiang et al., ICCV 2021)."""

from typing import Any

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
