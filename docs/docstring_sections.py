"""An extension of Griffe, which reads the docstrings for the site: ``Example:`` is a section of doctests, too."""

import re

from griffe import Extension, Object


class SingularExample(Extension):
    """Read ``Example:`` as ``Examples:``, the only heading that Griffe takes for a section."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Rename the heading before the docstring is parsed."""
        if obj.docstring:
            obj.docstring.value = re.sub(r'^Example:$', 'Examples:', obj.docstring.value, flags=re.MULTILINE)
