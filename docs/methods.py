"""The table of methods, and a card for each folder of configs/, from methods.toml, results/ and the configs."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.config_table import iterations, leaves
from docs.results import MISSING, ROOT, cell, grid, read

_NO_FIGURES = 'not measured'


def methods() -> list[dict[str, Any]]:
    """Read methods.toml."""
    return tomllib.loads((ROOT / 'docs/methods.toml').read_text(encoding='utf-8'))['method']


def card_folders() -> list[Path]:
    """Name the folders that need a card.

    Raises:
        LookupError: If methods.toml says nothing of one.
    """
    folders = sorted({leaf.relative_to(ROOT / 'configs').parts[0] for leaf in leaves()})
    if unknown := set(folders) - {method['folder'] for method in methods()}:
        raise LookupError(f'docs/methods.toml says nothing of {", ".join(sorted(unknown))}, which configs/ has')
    return [ROOT / 'configs' / folder for folder in folders]


def method_table() -> str:
    """Lay out the methods of docs/methods.md."""
    head = ['method', 'folder of `configs/`', 'class', 'what is video about it', 'at test time']
    rows = []
    for method in methods():
        folder = f'`{method["folder"]}`' + (f', `...{method["suffix"]}.py`' if 'suffix' in method else '')
        name = f'`{method["class"]}`' + (f', {method["times"]}' if 'times' in method else '')
        rows.append([method['name'], folder, name, method['video'], method['test'], _published(method)])
    return grid([*head, 'published VIPER / SYNTHIA mIoU'], rows, numbers=False)


def card(folder: str) -> str:
    """Write ``configs/<folder>/README.md``."""
    members = [method for method in methods() if method['folder'] == folder]
    members.sort(key=lambda method: 'suffix' in method)
    parts = [f'# {", ".join(method["name"] for method in members)}', '<!-- written by: python -m docs.tables -->']
    parts += [
        ' '.join(filter(None, (method['about'], f'{method["paper"]}.' * bool(method['paper'])))) for method in members
    ]
    main = members[0]
    own = [path for path in leaves(folder) if path.parent.name == folder]
    rows = [[f'`{folder}/{path.name}`', iterations(path)] for path in own]
    parts += [
        f'Video: {main["video"]}. At test time: {main["test"]}. Losses, and what differs from the released code: '
        f'[docs/methods.md](../../docs/methods.md#{_anchor(main)}).',
        '## Figures',
        _figures(members),
        f'## Cost\n\n{_cost(folder)}',
        f'## Configs\n\n```bash\n{_commands(folder)}\n```',
        grid(['config', 'iterations'], rows, numbers=False),
    ]
    return '\n\n'.join(parts) + '\n'


def _figures(members: list[dict[str, Any]]) -> str:
    found = read('table1')
    head = ['', 'StreetWorld: mIoU', 'TC', 'flicker', 'published: VIPER', 'SYNTHIA']
    rows = []
    newer = read('modern')
    for method in members:
        row = found['rows'].get(method['run']) or newer['rows'].get(method['run'])
        ours = [cell(row[key], '.1f') for key in ('mIoU', 'TC', 'flicker')] if row else [_NO_FIGURES, MISSING, MISSING]
        rows.append([method['name'], *ours, *(cell(value, '.1f') for value in _papers(method))])
    if not any(method['run'] in found['rows'] for method in members):
        found = newer
    if not any(method['run'] in found['rows'] for method in members):
        return (
            f'{grid(head, rows)}\n\nPublished figures are mIoU on Cityscapes-Seq; they have not been reproduced here.'
        )
    section = 'streetworld-table-1-three-seeds' if found['suite'] == 'table1' else 'self-training-and-time'
    about = (
        f'In percent, mean ± standard deviation over seeds {", ".join(map(str, found["seeds"]))}: protocol '
        f'`{found["protocol"]}`, last checkpoint, TC preset `{found["TC_preset"]}` along DIS flow; {found["date"]}, '
        f'revision {found["revision"]}, `{found["command"]}`. Published figures are mIoU on Cityscapes-Seq after '
        'VIPER and SYNTHIA, other data and networks; they have not been reproduced here. '
        f'[What was found](../../docs/benchmarks.md#{section}).'
    )
    return f'{grid(head, rows)}\n\n{about}'


def _cost(folder: str) -> str:
    said = []
    for precision, peaks in read('memory')['peaks'].items():
        if peak := peaks.get(f'{folder}/deeplabv2_r101_viper2cs'):
            said.append(f'{peak["GiB"]:.2f} GiB in {precision}')
    if not said:
        return 'Not measured.'
    return (
        f'Peak memory of a training step of `deeplabv2_r101_viper2cs.py`: {", ".join(said)} '
        '([how](../../docs/gpu.md#memory)).'
    )


def _commands(folder: str) -> str:
    names = [path.stem for path in leaves(folder)]
    config = f'configs/{folder}/{"deeplabv2_r101_viper2cs" if "deeplabv2_r101_viper2cs" in names else names[0]}.py'
    return f'python tools/train.py {config}\npython tools/test.py {config} CHECKPOINT --tc'


def _papers(method: Mapping[str, Any]) -> tuple[float | None, float | None]:
    row = read('published')['methods'].get(method['run'], {})
    return row.get('VIPER'), row.get('SYNTHIA')


def _published(method: Mapping[str, Any]) -> str:
    figures = _papers(method)
    note = read('published')['methods'].get(method['run'], {}).get('note')
    if figures == (None, None):
        return MISSING
    return ' / '.join(cell(value, '.1f') for value in figures) + (f' ({note})' if note else '')


def _anchor(method: Mapping[str, Any]) -> str:
    sections = {'advent': 'minent-and-advent', 'cbst': 'cbst-and-crst', 'crst': 'cbst-and-crst', 'intrada': 'ida'}
    return sections.get(method['folder'], method['name'].lower().replace(' ', '-'))
