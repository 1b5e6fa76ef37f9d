"""What the suites are trained on: StreetWorld, or the paper's own data."""

from dataclasses import dataclass, replace
from pathlib import Path

from .suite import STREETWORLD, Row, Suite

STREET_LEAF = 'deeplabv2_r18_streetworld'


@dataclass(frozen=True)
class RealData:
    """Real data, and the leaves of the configs that train on it.

    Attributes:
        leaf: Name of a method's leaf, ``configs/<method>/<leaf>.py``.
        title: What a table calls it.
        seeds: Seeds, unless others are asked for.
    """

    leaf: str
    title: str
    seeds: tuple[int, ...] = (0,)


REAL = {'viper2cs': RealData('deeplabv2_r101_viper2cs', 'VIPER -> Cityscapes-Seq')}


def on_data(suite: Suite, name: str, root: Path) -> Suite:
    """Give a suite whose rows are the paper's own leaves, unchanged, instead of StreetWorld's.

    Args:
        suite: The suite.
        name: A name of ``REAL``, or 'streetworld', which changes nothing.
        root: The project's root.

    Raises:
        ValueError: If there is no such data, or a row has no leaf on it.
    """
    if name == STREETWORLD:
        return suite
    if name not in REAL:
        raise ValueError(f'--data must be one of {", ".join([STREETWORLD, *REAL])}, got {name!r}')
    data = REAL[name]
    rows = tuple(_on(row, data.leaf) for row in suite.rows)
    if without := [row.name for row, ours in zip(rows, suite.rows) if _lacks_leaf(row, ours, root)]:
        raise ValueError(f'--data {name}: {suite.name} has rows without a leaf of the paper: {", ".join(without)}')
    reference = next((row.run for row, ours in zip(rows, suite.rows) if ours.run == suite.reference), '')
    suite = replace(suite, rows=rows, data=name, reference=reference, seeds=data.seeds)
    return replace(suite, world={}, options={}, init='', init_options={}, prepare_seconds=0.0)


def _on(row: Row, leaf: str) -> Row:
    name, variant = row.original or (row.name, '')
    if variant:
        config, run = f'configs/i2vda/ablations/{leaf}_{variant}.py', variant
    else:
        config = row.config.replace(STREET_LEAF, leaf)
        run = Path(config).parent.name + Path(config).stem.removeprefix(leaf)
    return replace(row, name=name, run=run, config=config, options={})


def _lacks_leaf(row: Row, ours: Row, root: Path) -> bool:
    changed_only_here = bool(ours.options) and ours.original is None
    return changed_only_here or row.config == ours.config or not (root / row.config).is_file()
