"""One row of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIGURES = (('mIoU', 1.0), ('TC', 100.0), ('flicker', 100.0))  # metrics.json has mIoU in percent, the others as shares


@dataclass(frozen=True)
class Row:
    """One row of a table: a config, what is changed in it, and what the paper says.

    Rows of the same ``run`` show the same figures, which are made once for each seed.

    Attributes:
        name: What the table calls it.
        run: Name of the run, and of its folder.
        config: Config file, relative to the project's root.
        seconds: What training and testing take on one idle core, roughly; only the estimate of the time left reads it.
        options: What is changed in the config, by dotted key, as ``--cfg-options`` would.
        paper_miou: mIoU in percent that is published for this row, on VIPER and Cityscapes; or None.
        paper_tc: The same of temporal consistency, in percent.
        note: Where the published figure stands, if not in the table of the paper that the suite is about.
        section: Heading of the group of rows that it belongs to.
        original: What the paper's own row is, for ``--data``: its name, and its leaf after the underscore below
            ``configs/i2vda/ablations``, '' for the method's own. None: this row's name, and its method's leaf.
    """

    name: str
    run: str
    config: str
    seconds: float
    options: Mapping[str, Any] = field(default_factory=dict)
    paper_miou: float | None = None
    paper_tc: float | None = None
    note: str = ''
    section: str = ''
    original: tuple[str, str] | None = None
