"""Convert published DeepLab-v2 weights to those of this project's networks.

Takes checkpoints of AdaptSegNet, ADVENT, DA-VSN, TPS, FDA and CRST, and the Caffe initialisation that most of them
start from ("Scale." before every key). Writes backbone.*, decode_head.convs.*, auxiliary_head.convs.* where there are
two heads, and sf_layer.* where two frames are fused.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.engine.checkpoints import UntrustedCheckpointError, read_weights, trust_checkpoints
from i2vda_mmseg.fileio.atomic import require_another_file
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically

PUBLISHERS = dict(
    adaptsegnet='AdaptSegNet',
    advent='ADVENT',
    crst='CRST',
    davsn='DA-VSN',
    fda='FDA',
    tps='TPS',
    init='the "Scale."-prefixed initialisation',
)
# Who publishes weights with these layers after the backbone.
_LAYOUTS = {
    ('layer5', 'layer6', 'sf_layer'): ('davsn', 'tps'),
    ('layer5', 'layer6'): ('adaptsegnet', 'advent'),
    ('layer6',): ('advent',),
    ('layer5',): ('fda', 'crst', 'adaptsegnet'),
}
_TENSOR = r'(?:weight|bias|running_mean|running_var|num_batches_tracked)'
_BACKBONE = re.compile(rf'(?:conv1|bn1|layer[1-4]\.\d+\.(?:(?:conv|bn)[123]|downsample\.[01]))\.{_TENSOR}')
_HEAD = re.compile(r'(layer[56])\.conv2d_list\.([0-3])\.(weight|bias)')
_FUSION = 'sf_layer.weight'
_SKIPPED_BRANCHES = (2, 3)  # of AdaptSegNet: dilation 18 and 24
_SKIPPED = (
    'the code of AdaptSegNet returns from its loop over branches too early: those of dilation 18 and 24 are in the '
    'file but were neither trained nor used'
)
_RGB = (
    'CRST feeds RGB in 0..1 with ImageNet statistics: test its weights with model.data_preprocessor of '
    'mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True'
)


def recognise(weights: Mapping[str, Tensor], layout: str = 'auto') -> tuple[str, ...]:
    """Tell whose checkpoint this is, by its keys and shapes.

    Args:
        weights: State dict as published.
        layout: Name out of ``PUBLISHERS`` where it is known, to tell apart those that share a layout.

    Returns:
        Names out of ``PUBLISHERS``: several where nothing tells them apart.

    Raises:
        ValueError: If a key is unknown, the layers fit no layout, or they fit another one than ``layout``.
    """
    names, layers = _publishers(weights)
    if layout != 'auto':
        if layout not in names:
            raise ValueError(f'this is the layout of {describe(names)}, not of {PUBLISHERS[layout]}')
        return (layout,)
    return ('adaptsegnet',) if 'adaptsegnet' in names and _has_idle_branches(weights, layers) else names


def _publishers(weights: Mapping[str, Tensor]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Look up who publishes these layers, and name those after the backbone."""
    if any(key.startswith('Scale.') for key in weights):
        return ('init',), ()
    unknown = [key for key in weights if not (_BACKBONE.fullmatch(key) or _HEAD.fullmatch(key) or key == _FUSION)]
    if unknown:
        raise ValueError(f'{len(unknown)} unknown keys, such as {", ".join(map(repr, unknown[:3]))}')
    layers = tuple(sorted({key.partition('.')[0] for key in weights if not _BACKBONE.fullmatch(key)}))
    if layers not in _LAYOUTS or 'conv1.weight' not in weights:
        raise ValueError(
            f'the layers {sorted({key.partition(".")[0] for key in weights})} are those of no published DeepLab-v2; '
            'expected conv1, bn1, layer1-4, and layer5, layer6, or both'
        )
    _check_channels(weights, layers)
    return _LAYOUTS[layers], layers


def convert(weights: Mapping[str, Tensor], names: tuple[str, ...]) -> dict[str, Tensor]:
    """Rename published weights.

    Args:
        weights: State dict as published.
        names: Whose it may be. AdaptSegNet's alone: the branches that its code skips become zero, so that the four
            branches of ``DLV2Head`` give its logits.

    Returns:
        State dict of an ``EncoderDecoder``, a ``MultiLevelEncoderDecoder`` or a ``TwoFrameEncoderDecoder``; of the
        initialisation the backbone alone, since its head has other classes.

    Raises:
        ValueError: If a key of the initialisation is unknown.
    """
    if names == ('init',):
        weights = {key.removeprefix('Scale.'): value for key, value in weights.items()}
        weights = {key: value for key, value in weights.items() if not key.startswith('layer5.')}
    head_of = _heads(weights)
    converted = {}
    for key, value in weights.items():
        if match := _HEAD.fullmatch(key):
            layer, branch, kind = match[1], int(match[2]), match[3]
            is_skipped = names == ('adaptsegnet',) and branch in _SKIPPED_BRANCHES
            converted[f'{head_of[layer]}.convs.{branch}.{kind}'] = torch.zeros_like(value) if is_skipped else value
        elif _BACKBONE.fullmatch(key):
            converted[f'backbone.{key}'] = value
        elif key == _FUSION:
            converted[key] = value
        else:
            raise ValueError(f'unknown key {key!r}')
    return converted


def advice(names: tuple[str, ...], target: Path) -> list[str]:
    """Say what to know before the converted weights of ``names`` are used."""
    lines = []
    if names == ('init',):
        place = 'model.segmentor.backbone.init_cfg'
        lines.append(f'a backbone alone: --cfg-options {place}.checkpoint={target} {place}.prefix=backbone.')
    if names == ('adaptsegnet',):
        lines.append(f'{_SKIPPED}; they are zero in the output, so that four branches give the same logits')
    elif 'adaptsegnet' in names:
        lines.append(f"all branches are kept; if this is AdaptSegNet's, add --layout adaptsegnet: {_SKIPPED}")
    if 'crst' in names:
        lines.append(_RGB)
    return lines


def _heads(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """Our heads by published layer: of two, the first is the auxiliary one; a single one is the main head."""
    has_two = any(key.startswith('layer6.') for key in weights)
    return {'layer5': 'auxiliary_head' if has_two else 'decode_head', 'layer6': 'decode_head'}


def _check_channels(weights: Mapping[str, Tensor], layers: tuple[str, ...]) -> None:
    feature_map = dict(decode_head='layer4', auxiliary_head='layer3')
    heads = _heads(weights)
    for layer in layers:
        if layer in heads:
            stage = feature_map[heads[layer]]
            read = weights.get(f'{layer}.conv2d_list.0.weight')
            given = weights.get(f'{stage}.0.downsample.1.weight')
            if read is None or given is None or read.shape[1] != len(given):
                raise ValueError(f'{layer} does not read the output of {stage}, as in every published DeepLab-v2')


def _has_idle_branches(weights: Mapping[str, Tensor], layers: tuple[str, ...]) -> bool:
    """Tell whether the branches that AdaptSegNet skips are still as drawn from N(0, 0.01^2), and the others not."""
    found = [weights.get(f'{layers[-1]}.conv2d_list.{branch}.weight') for branch in range(4)]
    as_drawn = [weight is not None and abs(weight.float().std().item() - 0.01) < 2e-4 for weight in found]
    return as_drawn == [False, False, True, True]


def main() -> None:
    """Read IN, write OUT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', type=Path, help='checkpoint as published')
    parser.add_argument('target', metavar='OUT', type=Path, help='file for load_from, tools/test.py or init_cfg')
    parser.add_argument('--layout', choices=('auto', *PUBLISHERS), default='auto', help='whose it is; default: by keys')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load IN even if that runs code in it')
    args = parser.parse_args()
    trust_checkpoints(args.trust_checkpoint)
    if not args.source.is_file():
        parser.error(f'there is no file {args.source}')
    require_another_file(args.target, args.source, 'the file to convert')
    try:
        weights = read_weights(args.source)
        names = recognise(weights, args.layout)
        converted = convert(weights, names)
    except UntrustedCheckpointError:
        parser.error(f'{args.source} holds more than weights; if you trust where it is from, pass --trust-checkpoint')
    except ValueError as error:
        parser.error(f'{args.source}: {error}.')
    save_atomically(dict(meta=dict(layout=list(names)), state_dict=converted), args.target)
    print(f'{args.source}: layout of {describe(names)}')
    for line in advice(names, args.target):
        print(f'note: {line}')
    heads = sorted({key.partition('.')[0] for key in converted})
    count = sum(value.numel() for value in converted.values())
    print(f'{args.target}: {count:,} weights in {len(converted)} tensors, {", ".join(heads)}')


def describe(names: tuple[str, ...]) -> str:
    """Name publishers that share a layout."""
    return ' or '.join(PUBLISHERS[name] for name in names)


if __name__ == '__main__':
    run_tool(main)
