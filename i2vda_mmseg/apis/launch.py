"""From a config file to a runner: what the command lines share."""

import os
from pathlib import Path
from traceback import extract_tb
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from i2vda_mmseg.engine.checkpoints import find_resumable
from i2vda_mmseg.entry import PACKAGE, project_root
from i2vda_mmseg.errors import ConfigError

from .checked_runner import CheckedRunner
from .config_check import check_config
from .config_classes import complete_classes
from .config_flow import complete_workers_flow
from .config_loading import complete_loading
from .config_variables import check_variables
from .die_with_parent import die_with_parent
from .ranks import prepare_ranks

_RESTARTS = ('TORCHELASTIC_RESTART_COUNT', 'SLURM_RESTART_COUNT')  # absent, or '0', at the first start


def config_path(name: str) -> Path:
    """Find a config: a file, or one that the package brings, ``i2vda_mmseg::<method>/<name>.py``.

    Raises:
        FileNotFoundError: If there is no such config.
    """
    package, separator, below = name.partition('::')
    path = project_root() / 'configs' / below if separator and package == PACKAGE.name else Path(name)
    if not path.is_file():
        raise FileNotFoundError(
            f'no config file at {path}; the configs of this project are configs/<method>/<name>.py, '
            f'and {PACKAGE.name}::<method>/<name>.py from any folder'
        )
    return path


def load_config(path: str, cfg_options: dict[str, Any] | None = None, work_dir: str | None = None) -> Config:
    """Read a config, apply ``--cfg-options`` and decide where the run writes.

    The work dir is, in this order, ``work_dir``, the config's own, or ``work_dirs/<method>/<name>`` after the config's
    folder and file: the leaves of different methods share their file names.

    Raises:
        FileNotFoundError: If there is no such config.
        ConfigError: If the file or an option cannot be read.
    """
    path = str(config_path(path))
    config = _read(path)
    check_variables(path, config, cfg_options or ())
    if cfg_options:
        try:
            config.merge_from_dict(cfg_options)
        except (KeyError, TypeError, IndexError, ValueError, AssertionError) as error:
            raise ConfigError(f'--cfg-options {" ".join(cfg_options)}: {error} (config {path})') from error
    complete_classes(config)
    config.work_dir = work_dir or config.get('work_dir') or str(_default_work_dir(Path(path)))
    init_default_scope(config.get('default_scope', 'mmseg'))
    return config


def _read(path: str) -> Config:
    """Run a config file, whose mistakes are the user's, whatever they are."""
    try:
        return Config.fromfile(path)
    except Exception as error:
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if Path(frame.filename) == Path(path)]
        place = f'{path}, line {lines[-1]}' if lines else path
        # mmengine ends what cannot be imported with the whole of sys.path
        said = str(error).partition(', the current sys.path is')[0]
        raise ConfigError(f'{place}: {type(error).__name__}: {said}{_advice(error)}') from error


def _advice(error: Exception) -> str:
    if 'Duplicate key' not in str(error):
        return ''
    return '. Name one of the files in _base_; docs/networks.md says how to take the network of the other'


def _default_work_dir(path: Path) -> Path:
    """Mirror the config's place below ``configs``; elsewhere, keep its folder's name."""
    parts = path.resolve().with_suffix('').parts
    below = parts[len(parts) - parts[::-1].index('configs') :] if 'configs' in parts else parts[-2:]
    return Path('work_dirs', *below)


def build_runner(config: Config, launcher: str = 'none') -> CheckedRunner:
    """Build the runner, alone or as one rank of many, with or without CUDA.

    ``resume=True`` without ``load_from`` in the config means ``--resume auto``.

    Raises:
        ConfigError: If parts of the config contradict each other.
    """
    complete_classes(config)
    check_config(config)
    complete_workers_flow(config)
    complete_loading(config)
    if config.get('resume') and not config.get('load_from'):
        config.resume = False
        resume_from(config, 'auto')
    config.launcher = launcher
    _log_to_work_dir(config)
    if config.get('find_unused_parameters') and config.get('model_wrapper_cfg'):
        config.model_wrapper_cfg.find_unused_parameters = True  # which mmengine reads only without such a config
    if 'TORCHELASTIC_RUN_ID' in os.environ:
        die_with_parent()  # torchrun
    backend = prepare_ranks(launcher)
    if backend is not None:
        config.env_cfg.dist_cfg = dict(backend=backend)
    return CheckedRunner.from_cfg(config)


def _log_to_work_dir(config: Config) -> None:
    """Let a run log to its work dir, where tools/report.py reads, whatever else it logs to."""
    visualizer = config.get('visualizer') or {}
    backends = visualizer.get('vis_backends')
    if backends and not all(isinstance(backend, dict) for backend in backends):
        raise ConfigError(
            f'visualizer.vis_backends: a list of dicts is expected, got {backends!r}; on the command line, write '
            'visualizer.vis_backends.0.type=TensorboardVisBackend'
        )
    if backends and not any(backend.get('type') == 'LocalVisBackend' for backend in backends):
        visualizer['vis_backends'] = [dict(type='LocalVisBackend'), *backends]


def resume_from(config: Config, checkpoint: str) -> None:
    """Go on from a checkpoint; 'auto' is the latest whole one of the work dir, or a fresh start where there is none."""
    found = find_resumable(config.work_dir) if checkpoint == 'auto' else checkpoint
    if found is None:
        print_log(f'--resume: no checkpoint in {config.work_dir} yet, starting afresh', logger='current')
        return
    if not Path(found).is_file():
        raise FileNotFoundError(f'--resume: no checkpoint at {found}')
    config.resume, config.load_from = True, str(found)


def resume_after_restart(config: Config, checkpoint: str | None) -> None:
    """Follow ``--resume``; what torchrun has started anew, or Slurm requeued, goes on from what its run has saved."""
    if any(int(os.environ.get(name, '0')) > 0 for name in _RESTARTS):
        resume_from(config, 'auto')
    if checkpoint and not config.get('resume'):
        resume_from(config, checkpoint)
