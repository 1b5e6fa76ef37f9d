"""Convert published weights of DAFormer, HRDA and MIC, or of a MiT alone, to those of this project's networks.

Takes checkpoints of the released codes (MMSegmentation 0.x: model.backbone.patch_embed1...) and NVIDIA's MiT as it is
published (patch_embed1...). Writes backbone.*, decode_head.* and, of HRDA and MIC, attention_head.*; a MiT alone is
written without a prefix, for init_cfg.
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

_RULES = [
    (r'patch_embed(\d)\.proj\.(.+)', lambda i, rest: f'layers.{i - 1}.0.projection.{rest}'),
    (r'patch_embed(\d)\.norm\.(.+)', lambda i, rest: f'layers.{i - 1}.0.norm.{rest}'),
    (r'norm(\d)\.(.+)', lambda i, rest: f'layers.{i - 1}.2.{rest}'),
    (r'block(\d)\.(\d+\.norm[12]\..+)', lambda i, rest: f'layers.{i - 1}.1.{rest}'),
    (r'block(\d)\.(\d+\.attn\.(?:sr|norm)\..+)', lambda i, rest: f'layers.{i - 1}.1.{rest}'),
]
_IN_BLOCK = {'attn.proj': 'attn.attn.out_proj', 'mlp.fc1': 'ffn.layers.0', 'mlp.dwconv.dwconv': 'ffn.layers.1',
             'mlp.fc2': 'ffn.layers.4'}  # fmt: skip
_BLOCK = re.compile(r'block(\d)\.(\d+)\.(attn\.proj|mlp\.fc1|mlp\.dwconv\.dwconv|mlp\.fc2)\.(weight|bias)')
_QUERY = re.compile(r'block(\d)\.(\d+)\.attn\.q\.(weight|bias)')
_HEAD = [
    (r'embed_layers\.(\d)\.proj\.(.+)', r'embeddings.\1.\2'),
    (r'fuse_layer\.aspp_modules\.(.+)', r'branches.\1'),
    (r'fuse_layer\.bottleneck\.(.+)', r'bottleneck.\1'),
    (r'fuse_layer\.((?:conv|bn)\..+)', r'fusion.\1'),
    (r'(conv_seg\..+)', r'\1'),
]
_PARTS = dict(student='model.', teacher='ema_model.')


def convert_mit(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of NVIDIA's MiT to those of mmseg's; queries, keys and values become one matrix.

    Raises:
        ValueError: If a key is unknown. ``head.*``, the classifier of ImageNet, is left out.
    """
    converted: dict[str, Tensor] = {}
    for key, value in weights.items():
        if key.startswith('head.') or '.attn.kv.' in key:
            continue
        if match := _QUERY.fullmatch(key):
            both = torch.cat((value, weights[key.replace('.q.', '.kv.')]))
            converted[f'layers.{int(match[1]) - 1}.1.{match[2]}.attn.attn.in_proj_{match[3]}'] = both
        elif match := _BLOCK.fullmatch(key):
            is_convolution = match[3] in ('mlp.fc1', 'mlp.fc2') and match[4] == 'weight'
            name = f'layers.{int(match[1]) - 1}.1.{match[2]}.{_IN_BLOCK[match[3]]}.{match[4]}'
            converted[name] = value[..., None, None] if is_convolution else value
        else:
            converted[_renamed(key)] = value
    return converted


def _renamed(key: str) -> str:
    for pattern, name in _RULES:
        if match := re.fullmatch(pattern, key):
            return name(int(match[1]), match[2])
    raise ValueError(f'unknown key {key!r} of a MiT')


def convert_head(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of the released ``decode_head``: DAFormer's, or HRDA's, which holds two.

    Raises:
        ValueError: If a key is unknown.
    """
    converted = {}
    for key, value in weights.items():
        place, rest = 'decode_head', key
        for inner, ours in (('head.', 'decode_head'), ('scale_attention.', 'attention_head')):
            if key.startswith(inner):
                place, rest = ours, key.removeprefix(inner)
        names = [re.sub(pattern, name, rest) for pattern, name in _HEAD if re.fullmatch(pattern, rest)]
        if not names:
            raise ValueError(f"unknown key 'decode_head.{key}'")
        converted[f'{place}.{names[0]}'] = value
    return converted


def convert(weights: Mapping[str, Tensor], part: str = 'student') -> dict[str, Tensor]:
    """Convert a checkpoint.

    Args:
        weights: As published: of DAFormer, HRDA or MIC, or of a MiT alone.
        part: 'student', whose figures are published, or 'teacher'.

    Returns:
        State dict of an ``EncoderDecoder`` or ``HRDAEncoderDecoder``; of a MiT alone, of the backbone.

    Raises:
        ValueError: If it is neither, or holds no such part.
    """
    if 'patch_embed1.proj.weight' in weights:
        return convert_mit(weights)
    own = {key.removeprefix(_PARTS[part]): value for key, value in weights.items() if key.startswith(_PARTS[part])}
    if 'backbone.patch_embed1.proj.weight' not in own:
        raise ValueError(
            f'no {_PARTS[part]}backbone.patch_embed1.* (a MiT of DAFormer, HRDA or MIC) and no patch_embed1.* (a MiT '
            f'alone) in it; it holds keys like {next(iter(weights))!r}'
        )
    backbone = {key.removeprefix('backbone.'): own[key] for key in own if key.startswith('backbone.')}
    head = {key.removeprefix('decode_head.'): own[key] for key in own if key.startswith('decode_head.')}
    return {f'backbone.{key}': value for key, value in convert_mit(backbone).items()} | convert_head(head)


def main() -> None:
    """Read IN, write OUT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', type=Path, help='checkpoint as published')
    parser.add_argument('target', metavar='OUT', type=Path, help='file for load_from, tools/test.py or init_cfg')
    parser.add_argument('--part', choices=tuple(_PARTS), default='student', help='which network; default: student')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load IN even if that runs code in it')
    args = parser.parse_args()
    trust_checkpoints(args.trust_checkpoint)
    if not args.source.is_file():
        parser.error(f'there is no file {args.source}')
    require_another_file(args.target, args.source, 'the file to convert')
    try:
        converted = convert(read_weights(args.source), args.part)
    except UntrustedCheckpointError:
        parser.error(f'{args.source} holds more than weights; if you trust where it is from, pass --trust-checkpoint')
    except ValueError as error:
        parser.error(f'{args.source}: {error}.')
    save_atomically(dict(state_dict=converted), args.target)
    parts = sorted({key.partition('.')[0] for key in converted})
    count = sum(value.numel() for value in converted.values())
    print(f'{args.target}: {count:,} numbers of {", ".join(parts)}')


if __name__ == '__main__':
    run_tool(main)
