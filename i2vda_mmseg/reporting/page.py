"""The page: data in, HTML out."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from .content import ReportContent

_BREAKS = re.compile(r'(?<=[_./])|(?<=[a-z])(?=[A-Z])')
_SUBSCRIPT = re.compile(r'_\{([^{}]*)\}')


def render_report(content: ReportContent) -> str:
    """Lay a report out as one HTML document that refers to nothing outside itself.

    All text is escaped. The same content gives the same document.
    """
    loader = PackageLoader('i2vda_mmseg.reporting', 'templates')
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(subscripts=subscripts, breakable=breakable)
    # They are files of this package, not data.
    parts = {name: Markup(loader.get_source(environment, name)[0]) for name in ('style.css', 'script.js')}
    return environment.get_template('page.html').render(
        content=content, style=parts['style.css'], script=parts['script.js']
    )


def subscripts(caption: str) -> Markup:
    """Write ``I_{10}`` with a subscript.

    Example:
        >>> print(subscripts('F_{10} < 3 px'))
        F<sub>10</sub> &lt; 3 px
    """
    return Markup(_SUBSCRIPT.sub(r'<sub>\1</sub>', str(escape(caption))))


def breakable(name: str) -> Markup:
    """Let a long name break after underscores, dots and slashes and before capitals; what is copied stays the same.

    Example:
        >>> print(breakable('lr_<b>'))
        lr_<wbr>&lt;b&gt;
    """
    return Markup('<wbr>').join(_BREAKS.split(name))
