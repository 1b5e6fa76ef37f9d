"""Lay out the pages of the documentation site: python -m docs.pages [FOLDER]; ``make docs`` builds the site from them.

The site is made of the Markdown files of the repository, of its examples, and of the docstrings of all public names.
Links between files of the repository become links between pages; a link to a file that is no page keeps its words only.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile, rmtree

from docs import api

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    'SECURITY.md': 'security.md',
    'SUPPORT.md': 'support.md',
    'configs/README.md': 'configs.md',
    'examples/README.md': 'examples.md',
}
_LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)\s]+)\)')


class PageError(ValueError):
    """A link that leads nowhere, or a page that the navigation lacks."""


def lay_out(folder: Path) -> None:
    """Write all pages and pictures.

    Args:
        folder: Emptied first.

    Raises:
        PageError: If a link leads to no file of the repository, or the pages are not those of ``nav`` in zensical.toml.
    """
    rmtree(folder, ignore_errors=True)
    pages = sources()
    written = {page: _converted(source, pages) for source, page in pages.items()}
    written |= {f'reference/{room}.md': text for room, text in _reference().items()}
    written |= {'api.md': api.page(link='reference/{}.md#{}').replace('../CONTRIBUTING.md', 'contributing.md')}
    if 'examples.md' in written:
        written['examples.md'] += _scripts()
    _check_navigation(set(written))
    for page, text in written.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding='utf-8')
    (folder / 'images').mkdir()
    for picture in (ROOT / 'docs/images').iterdir():
        copyfile(picture, folder / 'images' / picture.name)


def sources() -> dict[str, str]:
    """Which file of the repository becomes which page."""
    pages = {name: page for name, page in TOP.items() if (ROOT / name).is_file()}
    pages |= {f'docs/{path.name}': path.name for path in sorted((ROOT / 'docs').glob('*.md')) if path.name != 'api.md'}
    cards = sorted((ROOT / 'configs').glob('*/README.md'))
    return pages | {f'configs/{path.parent.name}/README.md': f'cards/{path.parent.name}.md' for path in cards}


def _converted(source: str, pages: dict[str, str]) -> str:
    """Read a file with its links turned to pages; what stands between fences stays."""
    text = (ROOT / source).read_text(encoding='utf-8')
    parts = re.split(r'^(```.*?^```)', text, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [_LINK.sub(lambda match: _link(match, source, pages), part) for part in parts[::2]]
    return ''.join(parts)


def _link(match: re.Match[str], source: str, pages: dict[str, str]) -> str:
    mark, words, target = match.groups()
    if target.startswith(('https://', '#')):
        return match[0]
    path, _, anchor = target.partition('#')
    file = (ROOT / source).parent.joinpath(path).resolve()
    if not file.exists():
        raise PageError(f'{source} links to {target}, which is not there')
    name = file.relative_to(ROOT).as_posix()
    page = name.removeprefix('docs/') if mark or name == 'docs/api.md' else pages.get(name)
    if page is None:
        return words
    up = '../' * pages[source].count('/')
    return f'{mark}[{words}]({up}{page}{"#" if anchor else ""}{anchor})'


def _reference() -> dict[str, str]:
    """Give a page for each top-level room, with a directive of mkdocstrings for each public name."""
    pages: dict[str, list[str]] = {}
    for room in api.rooms():
        names = api.public(room)
        if names:
            parts = room.__name__.split('.')
            page = pages.setdefault(parts[1], [f'# {parts[1]}\n'])
            page.append(f'## {".".join(parts[1:])}\n\n{api.first_line(room)}\n')
            page += [f'::: {api.full_name(room, name)}\n' for name in names]
    return {room: '\n'.join(parts) for room, parts in pages.items()}


def _scripts() -> str:
    """Give the stand-alone scripts as they are."""
    scripts = {path.name: path.read_text(encoding='utf-8') for path in sorted((ROOT / 'examples').glob('*.py'))}
    return ''.join(f'\n## {name}\n\n```python\n{text}```\n' for name, text in scripts.items())


def _check_navigation(pages: set[str]) -> None:
    navigation = tomllib.loads((ROOT / 'zensical.toml').read_text(encoding='utf-8'))['project']['nav']
    listed = list(_leaves(navigation))
    if wrong := sorted(pages.symmetric_difference(listed)):
        raise PageError(f'pages and nav of zensical.toml differ in {", ".join(wrong)}: name each page there once')


def _leaves(entry: str | list | dict) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from _leaves(part)


if __name__ == '__main__':
    try:
        lay_out(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / 'build/docs')
    except PageError as error:
        sys.exit(f'docs.pages: {error}')
