"""Ending a video early: what was written is finished, and plays."""

import signal
from collections.abc import Iterable, Iterator
from itertools import takewhile
from types import FrameType
from typing import Any, Self, TypeVar

T = TypeVar('T')
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FROM_SHELL = 128  # added to a signal's number, an exit code


class Stop:
    """Turns the first SIGINT or SIGTERM into an end of the frames; a second one ends the program as ever.

    A context manager, of the main thread.

    Attributes:
        number: Of the signal that came, or 0.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._note) for each in _SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    @property
    def code(self) -> int:
        """Exit code of a program that was stopped, as a shell gives it, or 0."""
        return _FROM_SHELL + self.number if self.number else 0

    def until(self, frames: Iterable[T]) -> Iterator[T]:
        """Give frames until told to stop."""
        return takewhile(lambda _: not self.number, frames)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
