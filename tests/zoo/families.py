"""The networks of MMSegmentation by family: its base models, and leaves whose network is in none of these."""

from pathlib import Path

import mmseg

CONFIGS = Path(mmseg.__file__).parent / '.mim/configs'
# Networks that only leaves define, by the beginning of the leaf's name.
LEAVES = {
    'deeplabv3_unet_s5-d16': 'unet/unet-s5-d16_deeplabv3_4xb4-40k_drive-64x64.py',  # windows with two sides
    'fcn_unet_s5-d16': 'unet/unet-s5-d16_fcn_4xb4-40k_drive-64x64.py',
    'pspnet_unet_s5-d16': 'unet/unet-s5-d16_pspnet_4xb4-40k_drive-64x64.py',
    'upernet_mae': 'mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512.py',  # corrects its base
    'beit_base': 'beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py',
    'fpn_poolformer_s12': 'poolformer/fpn_poolformer_s12_8xb4-40k_ade20k-512x512.py',  # corrects its base
    'upernet_convnext': 'convnext/convnext-base_upernet_8xb2-amp-160k_ade20k-512x512.py',  # corrects its base
    'ddrnet_23-slim': 'ddrnet/ddrnet_23-slim_*',
    'knet_fcn': 'knet/knet-s3_r50-d8_fcn_*',
    'knet_swin-t_upernet': 'knet/knet-s3_swin-t_upernet_*',
    'mask2former_r50': 'mask2former/mask2former_r50_*',
    'maskformer_r50': 'maskformer/maskformer_r50-*',
    'mobilenet-v2_fcn': 'mobilenet_v2/mobilenet-v2-d8_fcn_*',
    'mobilenet-v3-s_lraspp': 'mobilenet_v3/mobilenet-v3-d8-s_*',
    'pidnet-s': 'pidnet/pidnet-s_*',
    'resnest_s101_fcn': 'resnest/resnest_s101-d8_fcn_*',
    'segmenter_fcn': 'segmenter/segmenter_vit-s_fcn_*',
    'segnext_mscan-t': 'segnext/segnext_mscan-t_*',
}
# (H, W) of the frames of networks that take no small ones: LR-ASPP pools windows of 49x49 features.
SIZE, SIZES = (64, 96), {'lraspp_m-v3-d8': (400, 416), 'mobilenet-v3-s_lraspp': (400, 416)}
# What cannot go, and why.
EXPECTED_FAILURES: dict[str, str] = {
    'vpd_sd': 'estimates depth: it has no classes',
    'upernet_convnext': "its backbone is mmpretrain's, which needs a torchvision that fits torch",
    'fpn_poolformer_s12': "its backbone is mmpretrain's, which needs a torchvision that fits torch",
}


def families() -> dict[str, Path]:
    """Give the config of each family by its name."""
    base = {path.stem: path for path in sorted((CONFIGS / '_base_/models').glob('*.py'))}
    leaves = {name: sorted(CONFIGS.glob(pattern))[0] for name, pattern in LEAVES.items()}
    return base | leaves
