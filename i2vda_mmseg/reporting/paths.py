"""Paths on a page that is handed on: their ends, not where a machine keeps its files."""

import re
from collections.abc import Sequence

_LEAST = 2  # parts that are kept
_ABSOLUTE = re.compile(r"""(?<![^\s'"=(\[{,])/(?:[^\s/'",:;()\[\]{}<>|=]+/)+[^\s/'",:;()\[\]{}<>|=]*""")


def shorten(text: str, parts: int = _LEAST) -> str:
    """Cut every absolute path in a text down to its end.

    Example:
        >>> shorten("data_root='/home/me/data/street/viper', scale=1/2")
        "data_root='…/street/viper', scale=1/2"
        >>> shorten('https://host/a/b/c and work_dirs/a/b and /tmp')
        'https://host/a/b/c and work_dirs/a/b and /tmp'
    """
    return _ABSOLUTE.sub(lambda found: _end(found[0], parts), text)


def shorten_apart(texts: Sequence[str | None]) -> list[str | None]:
    """Cut paths so that texts that differ still do: by as much more of each path as that needs.

    Example:
        >>> shorten_apart(['/a/one/data/viper', '/a/two/data/viper', None])
        ['…/one/data/viper', '…/two/data/viper', None]
    """
    different = len({text for text in texts if text is not None})
    longest = max((text.count('/') for text in texts if text is not None), default=0)
    for parts in range(_LEAST, longest + 1):
        cut = [None if text is None else shorten(text, parts) for text in texts]
        if len({text for text in cut if text is not None}) == different:
            return cut
    return [None if text is None else shorten(text) for text in texts]


def _end(path: str, parts: int) -> str:
    return '/'.join(['…', *path.rstrip('/').split('/')[1:][-parts:]])
