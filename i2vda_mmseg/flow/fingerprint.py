"""Which estimator made a flow: its settings and the contents of its weights, not where they lie."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg.registry import MODELS


def describe_estimator(config: Mapping[str, Any]) -> dict[str, Any]:
    """Write out the config of a ``FlowEstimator`` so that equal descriptions mean equal flow.

    Defaults are filled in. A checkpoint that is a file is described by its contents. Settings that an estimator lists
    in its class attribute ``WITHOUT_EFFECT`` (on speed or memory only) are left out.

    Raises:
        KeyError: If no such estimator is registered.

    Example:
        >>> describe_estimator(dict(type='DISFlow')) == describe_estimator(dict(type='DISFlow', preset='medium'))
        True
    """
    settings = dict(config)
    kind = settings.pop('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if kind is None:
        raise KeyError(f'no flow estimator {config["type"]!r} is registered')
    bound = inspect.signature(kind).bind_partial(**settings)
    bound.apply_defaults()
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            bound.arguments.update(bound.arguments.pop(name))
    left_out = getattr(kind, 'WITHOUT_EFFECT', ())
    described = {name: _plain(value, name) for name, value in bound.arguments.items() if name not in left_out}
    return dict(type=kind.__name__, **described)


def fingerprint(described: Mapping[str, Any]) -> str:
    """Shorten what ``describe_estimator`` gives to 32 hexadecimal digits."""
    text = json.dumps(described, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(value: Any, name: str = '') -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, name) for item in value]
    if name == 'checkpoint' and isinstance(value, (str, Path)) and Path(value).is_file():
        return f'blake2b:{_file_hash(Path(value))}'
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _file_hash(path: Path) -> str:
    with path.open('rb') as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
