"""What a check of data found."""

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

from i2vda_mmseg.fileio.atomic import write_atomically


class Fault(NamedTuple):
    """One thing that is wrong."""

    role: str  # which data set, like 'train source' or 'val, test'
    # 'index' (layout, names, missing files), 'file' (unreadable, damaged, of the wrong mode), 'size' or 'ids'
    kind: str
    path: str  # the file or folder
    message: str  # what is wrong and what was expected, in one sentence


@dataclasses.dataclass
class Summary:
    """One data set in figures."""

    role: str  # where the config uses it
    type: str  # its class
    root: str  # its ``data_root``
    samples: int = 0  # entries of its index
    files: int = 0  # files that were looked at
    published: str = ''  # the count that its publication states, as a sentence part; '' where none is known
    warnings: list[str] = dataclasses.field(default_factory=list)  # what is unlike the published data but no fault


@dataclasses.dataclass
class DataReport:
    """Everything that a check found."""

    deep: bool  # whether every file was decoded
    summaries: list[Summary] = dataclasses.field(default_factory=list)  # one a data set
    faults: list[Fault] = dataclasses.field(default_factory=list)  # all faults, in the order of the data sets

    def count(self, role: str) -> int:
        """Number of faults of one data set."""
        return sum(fault.role == role for fault in self.faults)

    def write(self, path: str | Path) -> None:
        """Write all as JSON: ``deep``, ``data_sets`` (with their ``warnings``) and ``faults``."""
        content = {
            'deep': self.deep,
            'data_sets': [dataclasses.asdict(item) | {'faults': self.count(item.role)} for item in self.summaries],
            'faults': [fault._asdict() for fault in self.faults],
        }
        write_atomically(json.dumps(content, indent=2, ensure_ascii=False) + '\n', path)
