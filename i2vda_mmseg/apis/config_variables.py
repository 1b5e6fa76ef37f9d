"""Variables of a config that are changed where they no longer have an effect."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from i2vda_mmseg.errors import ConfigError

from .config_keys import TOP

_ELSEWHERE = 'write the key that was made of it'
_UNREAD = 'nothing reads this key at the top level'


class _File(NamedTuple):
    """A config file: what it assigns, which names it reads itself, and which of its bases'."""

    path: Path
    assigned: set[str]
    read: set[str]
    read_of_bases: set[str]
    bases: 'list[_File]'


def check_variables(path: str | Path, config: Config, cfg_options: Iterable[str] = ()) -> None:
    """Refuse a variable that is given another value after what is made of it has been made.

    A base file says ``segmentor = dict(...)`` and ``model = dict(segmentor=segmentor)``: whoever inherits ``model`` and
    changes ``segmentor`` changes nothing. It has an effect only where the same file, or one that inherits from it (as
    ``_base_.segmentor``), makes something of it. Nor does a new variable of the name of a key elsewhere, such as
    ``data_preprocessor``, change that key. Files in a folder ``_base_`` offer variables that need not be taken, and a
    config without bases, as a run saves it, holds those of which it was made.

    Args:
        path: Config file.
        config: What it says, before ``cfg_options``.
        cfg_options: Keys of ``--cfg-options``.

    Raises:
        ConfigError: With the variable or key, and where to write instead.
    """
    files = _family(_parse(Path(path)))
    known, effective = {name for file in files for name in file.assigned}, _effective(config)
    for option in cfg_options:
        name = option.partition('.')[0]
        if name in known - effective:
            raise ConfigError(f'--cfg-options {option}: {_explain(name, files[0], option)}')
        if name not in effective and (places := [*_places(name, _sections(config, name))]):
            raise ConfigError(f'--cfg-options {option}: {_UNREAD}; {_or(places, option.removeprefix(name))}')
    for file in (file for file in files if file.bases and '_base_' not in file.path.parts):
        heirs = {name for heir in files if file in _family(heir)[1:] for name in heir.read_of_bases}
        inherited = {name for base in file.bases for member in _family(base) for name in member.assigned}
        for name in sorted(file.assigned & inherited - file.read - heirs - effective):
            raise ConfigError(f'{name}: {_explain(name, file, name)} ({file.path})')
        for name in sorted(file.assigned - inherited - file.read - heirs - effective):
            if places := [*_places(name, _sections(config, name))]:
                raise ConfigError(f'{name}: {_UNREAD}; {_or(places)} ({file.path})')


def _sections(config: Mapping[str, Any], without: str) -> dict[str, Any]:
    """Parts of a config that are read, without the one in question."""
    return {part: value for part, value in config.items() if part in TOP and part != without}


def _or(places: Sequence[str], below: str = '') -> str:
    return f'write {" or ".join(place + below for place in places[:3])}'


def _effective(config: Config) -> set[str]:
    """Names that are read themselves: a preprocessor where the model has none, a test pipeline without test data."""
    unread = {'data_preprocessor'} if 'data_preprocessor' in (config.get('model') or {}) else set()
    has_test = config.get('test_dataloader') or config.get('val_dataloader')
    return (TOP if has_test else TOP | {'test_pipeline'}) - unread


def _explain(name: str, file: _File, key: str) -> str:
    bases: dict[str, Any] = {}
    for base in file.bases if key == name else [file]:
        bases.update(Config.fromfile(base.path).to_dict())
    parts = _sections(bases, name)
    value = bases.get(name)
    is_telling = isinstance(value, (Mapping, list, tuple, str))
    places = [*_places(name, parts)] or ([*_places(value, parts)] if is_telling else [])
    where = _or(places, key.removeprefix(name)) if places else _ELSEWHERE
    return f'a variable, of which everything has been made already, so that it has no effect here; {where}'


def _places(wanted: Any, value: Any, path: str = '') -> Iterator[str]:
    """Give the paths at which a config has a key of that name, or that very value."""
    is_it = path.rpartition('.')[2] == wanted or (type(value) is type(wanted) and value == wanted)
    if path and is_it:
        yield path
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _places(wanted, child, f'{path}.{key}'.removeprefix('.'))
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _places(wanted, child, f'{path}.{index}')


def _family(file: _File) -> list[_File]:
    return [file, *(member for base in file.bases for member in _family(base))]


def _parse(path: Path) -> _File:
    """Read a config file as text; YAML and JSON have no variables, and bases of other packages are not ours."""
    if path.suffix != '.py':
        return _File(path, set(), set(), set(), [])
    nodes = list(ast.walk(tree := ast.parse(path.read_text(encoding='utf-8'))))
    targets = [node for statement in tree.body if isinstance(statement, ast.Assign) for node in statement.targets]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bases = [path.parent / name for name in Config._get_base_files(str(path)) if '::' not in name]
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    return _File(
        path,
        {node.id for node in targets if isinstance(node, ast.Name)} - {'_base_'},
        {node.id for node in names if isinstance(node.ctx, ast.Load)},
        {node.attr for node in attributes if node.value.id == '_base_'},  # type: ignore[attr-defined]
        [_parse(base) for base in bases if base.is_file()],
    )
