"""Convert NVIDIA's FlowNet2_checkpoint.pth.tar to the weights of ``MMFlow(model='flownet2_nvidia')``."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.engine.checkpoints import UntrustedCheckpointError, read_checkpoint, trust_checkpoints
from i2vda_mmseg.fileio.atomic import require_another_file
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically

_NETWORKS = {
    'flownetc': 'flownetCSS.flownetC',
    'flownets_1': 'flownetCSS.flownetS1',
    'flownets_2': 'flownetCSS.flownetS2',
    'flownets_d': 'flownetSD',
    'flownetfusion': 'flownet_fusion',
}
# NVIDIA divides the flow of this branch by 20 on its way to the fusion, mmflow multiplies it by 20.
_DIVIDED = 'flownets_d.predict_flow2.'
_DIVISOR = 20.0**2


def convert(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename NVIDIA's weights, and scale the last layer of one branch.

    Args:
        weights: State dict of NVIDIA's ``FlowNet2``.

    Returns:
        State dict of mmflow's ``FlowNet2``.

    Raises:
        ValueError: If a key is none of NVIDIA's.
    """
    return {convert_key(key): value / _DIVISOR if key.startswith(_DIVIDED) else value for key, value in weights.items()}


def convert_key(key: str) -> str:
    """Translate one key, such as 'flownetc.conv4_1.0.weight'."""
    match = re.fullmatch(r'(\w+)\.(\w+?)(?:\.0)?\.(weight|bias)', key)
    layer = match and match[1] in _NETWORKS and _layer(match[1], match[2])
    if not layer:
        raise ValueError(f"{key!r} is not a weight of NVIDIA's FlowNet2")
    return f'{_NETWORKS[match[1]]}.{layer}.{match[3]}'


def _layer(network: str, layer: str) -> str | None:
    if layer == 'conv_redir':
        return 'corr_encoder.conv_redir.conv'
    # level of mmflow = level of NVIDIA + shift: mmflow starts at 1 in the fusion too
    shift = 1 if network == 'flownetfusion' else 0
    if match := re.fullmatch(r'conv([0-6])(_1)?', layer):
        return _convolution(network, int(match[1]), bool(match[2]))
    if match := re.fullmatch(r'(predict_flow|inter_conv|deconv|upsampled_flow)(\d)(?:_to_\d)?', layer):
        kind, level = match[1], int(match[2]) + shift
        start = 3 if network == 'flownetfusion' else 6
        if kind == 'predict_flow':
            part = 'pred_out.1' if network in {'flownets_d', 'flownetfusion'} and level < start else 'pred_out'
        else:
            part = dict(
                inter_conv='pred_out.0', deconv='deconv_out.deconvs.0', upsampled_flow='upsample_pred.deconvs.0'
            )[kind]
        # a deconvolution is named after the level it leads to, there; after the one it starts from, here
        return f'decoder.decoders.level{level + (kind == "deconv")}.{part}'
    return None


def _convolution(network: str, level: int, is_second: bool) -> str:
    if network == 'flownetc' and (level > 3 or is_second):  # conv3_1 follows the correlation
        return f'corr_encoder.layers.{level - 3}.layers.{int(is_second and level > 3)}.conv'
    if network == 'flownets_d' and level == 0:
        return 'encoder.plugin_layer.conv'
    block = level if network == 'flownetfusion' else level - 1
    return f'encoder.layers.{block}.layers.{int(is_second)}.conv'


def read(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint's weights without running code from it."""
    checkpoint = read_checkpoint(path)
    weights = checkpoint.get('state_dict') if isinstance(checkpoint, dict) else None
    if not weights:
        raise ValueError("no weights under 'state_dict'")
    return {key.removeprefix('module.'): value for key, value in weights.items()}


def main() -> None:
    """Read IN, write OUT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', type=Path, help='FlowNet2_checkpoint.pth.tar')
    parser.add_argument('target', metavar='OUT', type=Path, help='file for MMFlow(checkpoint=...)')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load IN even if that runs code in it')
    args = parser.parse_args()
    trust_checkpoints(args.trust_checkpoint)
    if not args.source.is_file():
        parser.error(f'there is no file {args.source}')
    require_another_file(args.target, args.source, 'the file to convert')
    try:
        converted = convert(read(args.source))
    except UntrustedCheckpointError:
        parser.error(f'{args.source} holds more than weights; if you trust where it is from, pass --trust-checkpoint')
    except ValueError as error:
        parser.error(f'{args.source}: {error}.')
    save_atomically(dict(state_dict=converted), args.target)
    print(f'{args.target}: {sum(value.numel() for value in converted.values()):,} weights in {len(converted)} tensors')


if __name__ == '__main__':
    run_tool(main)
