"""A table of the paper as data: its rows, and the street and the initialisation that they share."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

INIT = 'configs/source_only/deeplabv2_r18_streetworld-init.py'
STREETWORLD = 'streetworld'
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


@dataclass(frozen=True)
class Suite:
    """A table: its rows, and what they share.

    Attributes:
        name: Name on the command line.
        title: Heading of the table.
        rows: Its rows, in order.
        world: Arguments of ``make_streetworld``, without seed and place; nothing where the data are there.
        options: What is changed in the config of every row.
        init_options: What is changed in the config of the shared initialisation.
        reference: Run that the others are compared with, seed by seed; '' compares none.
        seeds: Seeds of streets and runs, unless others are asked for.
        prepare_seconds: What the street and the initialisation of a seed take on one idle core, roughly.
        data: What it is trained on, see ``data.py``.
        init: Config of the initialisation that all rows of a seed share; '' where each has its own.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    world: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    init_options: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ''
    seeds: tuple[int, ...] = (3, 4, 5)  # the StreetWorld schedules were tuned on seeds 1 and 2
    prepare_seconds: float = 0.0
    data: str = STREETWORLD
    init: str = INIT

    def runs(self) -> dict[str, Row]:
        """Give for each run, by name, the first of its rows."""
        runs: dict[str, Row] = {}
        for row in self.rows:
            runs.setdefault(row.run, row)
        return runs

    def options_of(self, row: Row) -> dict[str, Any]:
        """All that is changed in the config of a row."""
        return {**self.options, **row.options}

    def schedule(self, root: Path, ranks: int = 1) -> dict[str, Any]:
        """What decides the figures: the street, and a hash of each config with its changes.

        Args:
            root: The project's root.
            ranks: Processes of a training, whose batches add up.
        """
        runs = {run: config_hash(root / row.config, self.options_of(row), ranks) for run, row in self.runs().items()}
        init = config_hash(root / self.init, self.init_options, ranks) if self.init else ''
        return dict(world=dict(self.world), init=init, runs=runs)


def config_hash(path: Path, options: Mapping[str, Any], ranks: int = 1) -> str:
    """Hash of a config with all that it inherits, and what is changed in it; the same on every machine."""
    config = Config.fromfile(path, import_custom_modules=False)
    config.merge_from_dict(dict(options))
    return hash_of(config.to_dict() if ranks == 1 else [config.to_dict(), ranks])


def hash_of(value: Any) -> str:
    """Hash of plain data: the first 16 digits of SHA-256 over its JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
