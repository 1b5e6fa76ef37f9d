"""One part of a page failing must not cost the others."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec('P')
T = TypeVar('T')


def attempt(faults: list[str], part: str, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Make a part of the page; if that fails, note why.

    Whatever is wrong with the files of a run (moved data, a truncated checkpoint, a config of another version), the
    rest of the page is still of use.

    Args:
        faults: Where the reason goes, one sentence.
        part: What is missing then.
        make: Makes the part.
        *args: Its arguments.
        **kwargs: Its arguments.

    Example:
        >>> faults = []
        >>> attempt(faults, 'clip', int, 'four'), faults
        (None, ["no clip: invalid literal for int() with base 10: 'four'"])
    """
    try:
        return make(*args, **kwargs)
    except Exception as error:
        is_for_people = isinstance(error, (OSError, ValueError)) and str(error)
        reason = str(error).splitlines()[0] if is_for_people else repr(error)
        faults.append(f'no {part}: {reason}')
        return None
