"""Look through the built site: python -m docs.check FOLDER. Zensical has checked the links before."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from docs import api

_FETCHED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(https?:[^"]+)"')


def faults(site: Path) -> Iterator[str]:
    """Name every public name that has no entry in the reference, and whatever a page would fetch from elsewhere."""
    for room in api.rooms():
        if names := api.public(room):
            page = site / 'reference' / f'{room.__name__.split(".")[1]}.html'
            text = page.read_text(encoding='utf-8') if page.is_file() else ''
            wanted = [api.full_name(room, name) for name in names]
            yield from (f'{page.name} has no entry for {name}' for name in wanted if f' id="{name}"' not in text)
    for page in sorted(site.rglob('*.html')):
        for address in _FETCHED.findall(page.read_text(encoding='utf-8')):
            yield f'{page.relative_to(site)} fetches {address}'


if __name__ == '__main__':
    if found := list(faults(Path(sys.argv[1]))):
        sys.exit('\n'.join(found))
