"""mmflow's networks as data: what each is built from, what it expects as input, and to which size frames are padded.

The architectures and the input handling are those of mmflow's published configs, so that its checkpoints (``WEIGHTS``)
fit. Losses, initialisation and training settings are left out: nothing is trained here.
"""

from collections.abc import Callable

from .flownet2 import flownet2, flownet2_nvidia
from .networks import gma, liteflownet2, pwcnet, raft

NETWORKS: dict[str, Callable[[], dict]] = dict(
    flownet2=flownet2, flownet2_nvidia=flownet2_nvidia, gma=gma, liteflownet2=liteflownet2, pwcnet=pwcnet, raft=raft
)

_PUBLISHED = 'https://download.openmmlab.com/mmflow'
WEIGHTS = dict(
    flownet2=f'{_PUBLISHED}/flownet2/flownet2_8x1_sfine_flyingthings3d_subset_384x768.pth',
    gma=f'{_PUBLISHED}/gma/gma_8x2_120k_mixed_368x768.pth',
    liteflownet2=f'{_PUBLISHED}/liteflownet2/liteflownet2_ft_4x1_600k_sintel_kitti_320x768.pth',
    pwcnet=f'{_PUBLISHED}/pwcnet/pwcnet_ft_4x1_300k_sintel_384x768.pth',
    raft=f'{_PUBLISHED}/raft/raft_8x2_100k_mixed_368x768.pth',
)

# mmflow's class: (size_divisor, min_size). RAFT looks up correlations in a pyramid of 1/8 to 1/64 of the frame.
_PADDING = dict(RAFT=(8, 64), LiteFlowNet=(32, 32))


def padding_of(network: str) -> tuple[int, int]:
    """Give the size divisor and the smallest size of an mmflow class; 64 and 64 unless known better."""
    return _PADDING.get(network, (64, 64))


__all__ = ['NETWORKS', 'WEIGHTS', 'padding_of']
