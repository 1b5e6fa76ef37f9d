"""Every accommodation for a dependency, each with its reason. Nothing else in the package knows about them."""

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

_CHATTER = 'Could not import OneDL'


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Import the mm-packages without their two messages that concern nobody here.

    onedl-mmsegmentation prints a debug line about an optional data store, whatever the log level is, and a build of
    onedl-mmcv without compiled ops warns about an attention layer that no network of this project has. Everything else
    that an import prints is passed on.
    """
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(printed):
            warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
            yield
    finally:
        for line in printed.getvalue().splitlines():
            if _CHATTER not in line:
                sys.stdout.write(f'{line}\n')
