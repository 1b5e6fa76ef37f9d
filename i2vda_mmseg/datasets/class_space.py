"""A class space: which classes there are, and what the labels of a domain pair call them. Data, not code."""

import colorsys
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import IGNORE_INDEX

PACKAGED = Path(__file__).with_name('published')
DOMAINS = ('source', 'target')
KEYS = ('name', 'description', 'classes', 'palette', 'source', 'target', 'ignored', 'not_reported')
FILES = ('.yaml', '.yml', '.json')
_COLORS = {
    'road': (128, 64, 128), 'sidewalk': (244, 35, 232), 'building': (70, 70, 70), 'wall': (102, 102, 156),
    'fence': (190, 153, 153), 'pole': (153, 153, 153), 'traffic light': (250, 170, 30), 'traffic sign': (220, 220, 0),
    'vegetation': (107, 142, 35), 'terrain': (152, 251, 152), 'sky': (70, 130, 180), 'person': (220, 20, 60),
    'rider': (255, 0, 0), 'car': (0, 0, 142), 'truck': (0, 0, 70), 'bus': (0, 60, 100), 'train': (0, 80, 100),
    'motorcycle': (0, 0, 230), 'bicycle': (119, 11, 32),
}  # fmt: skip


@dataclass(frozen=True)
class ClassSpace:
    """The classes of a domain pair, in the order of the network's outputs.

    Attributes:
        name: Name of the protocol that figures are about.
        classes: Names of the classes.
        palette: One RGB colour in 0..255 a class.
        source: Class of each raw id of the source's labels.
        target: The same of the target's labels; empty where it has none.
        ignored: By domain, raw ids whose pixels count nowhere; 255 is always one of them.
        not_reported: Classes that are learnt and left out of the mean.
        description: One sentence.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    source: Mapping[int, str] = field(default_factory=dict)
    target: Mapping[int, str] = field(default_factory=dict)
    ignored: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    not_reported: tuple[str, ...] = ()
    description: str = ''

    @property
    def metainfo(self) -> dict[str, Any]:
        """Classes and colours as mmseg's data sets have them."""
        return dict(classes=self.classes, palette=[list(color) for color in self.palette])

    def raw_to_class(self, domain: str) -> dict[int, int]:
        """Index of the class of each raw id of a domain that has one."""
        index = {name: i for i, name in enumerate(self.classes)}
        return {raw: index[name] for raw, name in getattr(self, domain).items()}

    def raw_ids(self, domain: str) -> tuple[int, ...]:
        """All raw ids that labels of a domain may hold."""
        return tuple(sorted({*getattr(self, domain), *self.ignored.get(domain, ()), IGNORE_INDEX}))

    def to_dict(self) -> dict[str, Any]:
        """Give what ``class_space_of`` reads."""
        written: dict[str, Any] = dict(
            name=self.name, classes=list(self.classes), palette=[list(color) for color in self.palette]
        )
        written |= {domain: dict(getattr(self, domain)) for domain in DOMAINS if getattr(self, domain)}
        ignored = {domain: list(ids) for domain, ids in self.ignored.items() if ids}
        extra = dict(ignored=ignored, not_reported=list(self.not_reported), description=self.description)
        return written | {key: value for key, value in extra.items() if value}


def class_space_of(value: 'ClassSpace | Mapping[str, Any] | str | Path') -> ClassSpace:
    """Read a class space.

    Args:
        value: A ``ClassSpace``; a dict with ``classes`` and any other of its attributes (``source`` and ``target`` as
            ``{raw id: class}``, ``ignored`` as a list for both domains or ``{domain: list}``); a YAML or JSON file that
            holds such a dict; or the name of a published one: 'viper15', 'viper15-no-rider', 'synthia11',
            'synthia11-strict'.

    Raises:
        FileNotFoundError: If there is no such file.
        ConfigError: If something in it is wrong, in a sentence that names file and key.

    Example:
        >>> space = class_space_of(dict(name='yard', classes=['ground', 'crate'], source={1: 'ground', 7: 'crate'}))
        >>> space.raw_to_class('source'), space.raw_ids('source')
        ({1: 0, 7: 1}, (1, 7, 255))
    """
    if isinstance(value, ClassSpace):
        return value
    if isinstance(value, Mapping):
        return _checked(value, 'class_space')
    path = Path(value)
    packaged = PACKAGED / f'{value}.yaml'
    if path.suffix not in FILES and packaged.is_file():
        path = packaged
    if not path.is_file():
        names = ', '.join(sorted(each.stem for each in PACKAGED.glob('*.yaml')))
        raise FileNotFoundError(f'class_space: no file {value}; give a YAML or JSON file, a dict, or one of {names}')
    return _checked(_parsed(path), str(path), path.stem)


def _parsed(path: Path) -> Any:
    text = path.read_text(encoding='utf-8-sig')
    try:
        return json.loads(text) if path.suffix == '.json' else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, 'problem_mark', None)
        line = mark.line + 1 if mark else getattr(error, 'lineno', '?')
        problem = getattr(error, 'problem', None) or getattr(error, 'msg', error)
        raise ConfigError(f'{path}: line {line} cannot be read: {problem}') from error


def _checked(written: Any, where: str, name: str = 'own') -> ClassSpace:
    """Build a class space from what was written at ``where``."""
    if not isinstance(written, Mapping):
        raise ConfigError(f'{where}: expected keys such as classes, source and target, got a {type(written).__name__}')
    if unknown := sorted(set(written) - set(KEYS)):
        raise ConfigError(f'{where}: unknown keys {unknown}; known are {list(KEYS)}')
    classes = _names(written.get('classes'), f'{where}: classes')
    if not 2 <= len(classes) < IGNORE_INDEX:
        raise ConfigError(f'{where}: classes: expected 2 to 254 of them, got {len(classes)}')
    not_reported = _names(written.get('not_reported') or [], f'{where}: not_reported')
    if strangers := set(not_reported).difference(classes):
        raise ConfigError(f'{where}: not_reported: {sorted(strangers)} are no classes; they are {list(classes)}')
    tables = {domain: _table(written.get(domain) or {}, f'{where}: {domain}', classes) for domain in DOMAINS}
    mapped = {domain: {raw: label for raw, label in table.items() if label} for domain, table in tables.items()}
    ignored = written.get('ignored') or {}
    by_domain: Mapping[str, Any] = ignored if isinstance(ignored, Mapping) else dict.fromkeys(DOMAINS, ignored)
    more = {domain: [_raw_id(raw, f'{where}: ignored') for raw in by_domain.get(domain) or ()] for domain in DOMAINS}
    for domain in DOMAINS:
        if both := sorted(set(more[domain]) & set(mapped[domain])):
            raise ConfigError(f'{where}: ignored: raw id {both[0]} of the {domain} has a class as well')
        more[domain] += [raw for raw, label in tables[domain].items() if not label]
    return ClassSpace(
        name=str(written.get('name') or name),
        classes=classes,
        palette=_palette(written.get('palette'), f'{where}: palette', classes),
        ignored={domain: tuple(sorted(ids)) for domain, ids in more.items()},
        not_reported=not_reported,
        description=str(written.get('description') or f'{len(classes)} classes: {", ".join(classes)}'),
        **mapped,
    )


def _names(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f'{where}: expected a list of names, got {value!r}')
    if twice := [name for name, count in Counter(value).items() if count > 1]:
        raise ConfigError(f'{where}: {twice[0]!r} is named twice')
    return tuple(value)


def _table(value: Any, where: str, classes: Sequence[str]) -> dict[int, str | None]:
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where}: expected {{raw id: class}}, got {value!r}')
    table = {_raw_id(raw, where): label for raw, label in value.items()}
    for raw, label in table.items():
        if label is not None and label not in classes:
            raise ConfigError(f'{where}: raw id {raw} is {label!r}, which is no class; they are {list(classes)}')
    return table


def _raw_id(value: Any, where: str) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value  # the keys of JSON are texts
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= IGNORE_INDEX:
        raise ConfigError(f'{where}: a raw id is a whole number in 0..255, what label images hold, got {value!r}')
    return number


def _palette(value: Any, where: str, classes: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    """The given colours, or those of Cityscapes where names agree, and others that differ from them."""
    if value is None:
        return tuple(_COLORS.get(name, _color(i)) for i, name in enumerate(classes))
    if len(value) != len(classes):
        raise ConfigError(f'{where}: {len(value)} colours for {len(classes)} classes')
    for name, color in zip(classes, value):
        if len(color) != 3 or not all(isinstance(part, int) and 0 <= part <= 255 for part in color):
            raise ConfigError(f'{where}: the colour of {name!r} must be three whole numbers in 0..255, got {color!r}')
    return tuple((int(red), int(green), int(blue)) for red, green, blue in value)


def _color(index: int) -> tuple[int, int, int]:
    """Colour ``index`` of an endless row of different ones: hues a golden section apart."""
    hue, light = index * 0.618034 % 1, (0.45, 0.65, 0.3)[index % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, light, 0.75)
    return round(255 * red), round(255 * green), round(255 * blue)
