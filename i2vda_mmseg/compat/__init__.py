"""Every accommodation for a dependency, each with its reason. Nothing else in the package knows about them."""

import io
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from .operators import provide_detection_heads, provide_pure_operators, quiet_libraries

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    'compiled_correlation', 'find_maintained_configs', 'importable_mmflow', 'let_samples_be_pinned', 'loading_with',
    'provide_detection_heads', 'provide_pure_operators', 'quiet_imports', 'quiet_libraries', 'quiet_meshgrid',
    'quiet_mmengine', 'return_flow_fields',
]  # fmt: skip

_CHATTER = 'Could not import OneDL'
# What mmengine warns of in every run, and no setting of a user's can change or needs to.
_NOISE = (
    'The prefix is not set in metric class',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias of "LocalBackend"',
    'The draw is False, it means',
    'When align_corners=True, the output would more aligned',
    'Failed to add',  # a visualizer that is built without a folder, to draw and not to store
)
# Of each weight of a frozen norm, hundreds of lines in the paper's setting.
_FROZEN = re.compile(r'\S+ is skipped since its requires_grad=False')
_MMCV_FOR_MMFLOW = '2.0.1'
_PACKAGE = 'i2vda_mmseg'


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Import the mm-packages without their two messages that concern nobody here.

    onedl-mmsegmentation prints a debug line about an optional data store, whatever the log level is, and a build of
    onedl-mmcv without compiled ops warns about an attention layer that no network of this project has. Everything else
    that an import prints is passed on.
    """
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(printed):
            warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
            yield
    finally:
        for line in printed.getvalue().splitlines():
            if _CHATTER not in line:
                sys.stdout.write(f'{line}\n')


def find_maintained_configs() -> None:
    """Let ``_base_ = 'mmseg::...'`` and mmengine's ``get_config`` find the configs of the maintained packages.

    mmengine asks for distributions by the names of a table (``mmsegmentation``), in which their continuations, which
    hold the same modules (``onedl-mmsegmentation``), are not; an entry changes only where the latter is installed. This
    package joins it: ``i2vda_mmseg::i2vda/deeplabv2_r101_viper2cs.py``. Its parts are in mmseg's registries, so that
    what is inherited from there must not be marked with a scope of its own, as mmengine does with other packages.
    """
    table = import_module('mmengine.config.utils').MODULE2PACKAGE
    table[_PACKAGE] = _PACKAGE
    config: Any = import_module('mmengine.config').Config
    find = config._get_cfg_path
    if getattr(find, 'scope', '') != _PACKAGE:
        config._get_cfg_path = staticmethod(_without_own_scope(find))
    installed = {distribution.metadata['Name'] for distribution in distributions()}
    for module, package in table.items():
        if package not in installed and f'onedl-{package}' in installed:
            table[module] = f'onedl-{package}'


def _without_own_scope(find: Callable[[str, str], tuple[str, str | None]]) -> Callable[[str, str], Any]:
    def found(cfg_path: str, filename: str) -> tuple[str, str | None]:
        """Find a base config, and its scope if it has one."""
        path, scope = find(cfg_path, filename)
        return path, None if scope == _PACKAGE else scope

    found.scope = _PACKAGE  # type: ignore[attr-defined]
    return found


@contextmanager
def quiet_mmengine() -> Iterator[None]:
    """Run mmengine without the warnings of ``_NOISE`` and ``_FROZEN``; all else is logged as ever."""
    logger: Any = import_module('mmengine.logging').MMLogger
    passes = logger.filter
    logger.filter = lambda self, record: not _is_noise(str(record.msg)) and passes(self, record)
    try:
        with warnings.catch_warnings():
            for start in _NOISE:
                warnings.filterwarnings('ignore', message=re.escape(start))
            yield
    finally:
        del logger.filter


def _is_noise(message: str) -> bool:
    return message.startswith(_NOISE) or bool(_FROZEN.fullmatch(message))


@contextmanager
def importable_mmflow(correlation: type) -> Iterator[None]:
    """Let mmflow 1.0.0rc0, the last release, be imported and built in the body.

    It asserts ``mmcv<2.1`` (https://github.com/open-mmlab/mmflow/blob/main/mmflow/__init__.py) although it runs on
    later releases, and imports two compiled operators whether or not a network uses them. Both are answered for in the
    body only: afterwards ``mmcv.__version__`` and ``mmcv.ops`` are what they were, since other libraries probe them.

    Args:
        correlation: What to import as ``mmcv.ops.Correlation`` where mmcv has no compiled operators.
    """
    # These probe mmcv.ops while they are imported, and must see the truth.
    for name in ('mmcv.cnn', 'mmcv.transforms'):
        import_module(name)
    mmcv: Any = sys.modules['mmcv']
    operators = None if compiled_correlation() else _stand_in(correlation)
    version = mmcv.__version__
    mmcv.__version__ = _MMCV_FOR_MMFLOW
    if operators:
        sys.modules[operators.__name__] = operators
    try:
        yield
    finally:
        mmcv.__version__ = version
        if operators and sys.modules.get(operators.__name__) is operators:
            del sys.modules[operators.__name__]


def compiled_correlation() -> type | None:
    """Give ``mmcv.ops.Correlation``, or None where mmcv was built without operators or they cannot be loaded."""
    try:
        return import_module('mmcv.ops').Correlation
    except (ImportError, OSError, AssertionError):  # no extension; its library is missing; it lacks an operator
        return None


def return_flow_fields(network: 'nn.Module') -> None:
    """Let ``network.predict`` of mmflow return its flows instead of data samples.

    Its ``postprocess_result`` returns from inside its loop, so that only the first pair of a batch gets its flow
    (https://github.com/open-mmlab/mmflow/blob/main/mmflow/models/decoders/base_decoder.py). Changes this network only.
    """
    for module in network.modules():
        if hasattr(module, 'postprocess_result'):
            module.postprocess_result = lambda flow_results, data_samples: flow_results  # type: ignore[assignment]


@contextmanager
def quiet_meshgrid() -> Iterator[None]:
    """Run mmflow's networks without PyTorch's warning that they call ``meshgrid`` as was usual in 2021."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='torch.meshgrid')
        yield


@contextmanager
def loading_with(read: Callable[..., Any]) -> Iterator[None]:
    """Let mmengine load every checkpoint in the body, local or downloaded, through ``read(file, map_location)``.

    mmengine unpickles fully, which runs code, what safe loading refuses, and all that it downloads
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/runner/checkpoint.py). Nor does it print, past every log,
    from which file it loads. Afterwards it does as ever.
    """
    loading: Any = import_module('mmengine.runner.checkpoint')
    schemes = loading.CheckpointLoader._schemes
    former = schemes.get(''), loading._safe_torch_load, loading.load_url, loading.print_log

    def load_from_local(filename: str, map_location: Any) -> Any:
        """Read a file; mmengine logs the name of this function from its tenth letter on."""
        return read(filename, map_location)

    schemes[''], loading._safe_torch_load, loading.load_url = load_from_local, read, partial(_download, read)
    loading.print_log = partial(_log, loading.print_log)
    try:
        yield
    finally:
        schemes[''], loading._safe_torch_load, loading.load_url, loading.print_log = former


def _log(print_log: Callable[..., None], message: str, logger: Any = None, **options: Any) -> None:
    if logger is not None or not message.startswith('Loads checkpoint by local'):
        print_log(message, logger=logger, **options)


def _download(
    read: Callable[..., Any], url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True
) -> Any:
    """Fetch a file to where ``torch.hub`` keeps them, unless it is there, and read it."""
    hub: Any = import_module('torch.hub')
    folder = Path(model_dir or f'{hub.get_dir()}/checkpoints')
    path = folder / Path(urlparse(url).path).name
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        hub.download_url_to_file(url, str(path), progress=progress)
    return read(path, map_location)


def let_samples_be_pinned() -> None:
    """Let a ``DataLoader`` with ``pin_memory=True`` pin the labels of samples too, not only the images.

    It pins tensors, containers, and whatever has a ``pin_memory`` method; mmengine's data elements have none, and a
    copy to the device from memory that is not pinned holds the program up.
    """
    element: Any = import_module('mmengine.structures').BaseDataElement
    if not hasattr(element, 'pin_memory'):
        element.pin_memory = _pinned


def _pinned(element: Any) -> Any:
    pinned = element.new()
    for key, value in element.items():
        if hasattr(value, 'pin_memory'):
            pinned.set_data({key: value.pin_memory()})
    return pinned


def _stand_in(correlation: type) -> ModuleType:
    operators = ModuleType('mmcv.ops')
    operators.Correlation = correlation  # type: ignore[attr-defined]
    operators.DeformConv2d = _NoDeformConv2d  # type: ignore[attr-defined]
    return operators


class _NoDeformConv2d:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            'This flow network needs deformable convolutions, which mmcv has only with compiled operators: '
            'run `make cuda-ops`, or take another network.'
        )
