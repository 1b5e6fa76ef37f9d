"""Lines of text with subscripts, in Pillow's built-in scalable font."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from PIL import ImageDraw, ImageFont

INK = (31, 35, 40)
SMALLEST = 9  # pixels; below that letters run together
_SUBSCRIPT = re.compile(r'_\{([^{}]*)\}')
_SUBSCRIPT_SIZE = 0.7
_SUBSCRIPT_DROP = 0.22
_SUBSCRIPT_GAP = 0.12  # after it; a comma would otherwise touch it


def draw_text(canvas: ImageDraw.ImageDraw, x: float, baseline: float, text: str, size: int) -> None:
    """Write a line from ``x`` on, standing on the row ``baseline``, in pixels; ``_{10}`` becomes a subscript."""
    for run, is_subscript in _runs(text):
        drop = _SUBSCRIPT_DROP * size if is_subscript else 0
        canvas.text((x, baseline + drop), run, fill=INK, font=_run_font(size, is_subscript), anchor='ls')
        x += _run_width(run, size, is_subscript)


def text_width(text: str, size: int) -> float:
    """Measure a line, in pixels."""
    return sum(_run_width(run, size, is_subscript) for run, is_subscript in _runs(text))


def fitting_size(texts: Sequence[str], size: int, width: float) -> int:
    """Give the largest font size up to ``size`` at which every line fits ``width``; at least ``SMALLEST``."""
    sizes = range(size, SMALLEST, -1)
    return next((s for s in sizes if all(text_width(text, s) <= width for text in texts)), min(size, SMALLEST))


def shortened(text: str, size: int, width: float) -> str:
    """Cut a line that is too long, and end it with dots."""
    if text_width(text, size) <= width:
        return text
    plain = _SUBSCRIPT.sub(r'_\1', text)  # a cut could fall inside the braces
    while plain and text_width(f'{plain}…', size) > width:
        plain = plain[:-1]
    return f'{plain.rstrip()}…'


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    for index, run in enumerate(_SUBSCRIPT.split(text)):
        if run:
            yield run, index % 2 == 1  # what the pattern captured stands at the odd places


def _run_font(size: int, is_subscript: bool) -> ImageFont.FreeTypeFont:
    return _font(_SUBSCRIPT_SIZE * size if is_subscript else size)


def _run_width(run: str, size: int, is_subscript: bool) -> float:
    return _run_font(size, is_subscript).getlength(run) + (_SUBSCRIPT_GAP * size if is_subscript else 0)


@cache
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError('this Pillow was built without FreeType and cannot write text of a given size')
    return font
