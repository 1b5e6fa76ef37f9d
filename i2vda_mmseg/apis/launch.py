"""From a config file to a runner: what the command lines share."""

import os
from pathlib import Path
from traceback import extract_tb
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from i2vda_mmseg.engine.checkpoints import find_resumable, read_checkpoint, safe_loading
from i2vda_mmseg.engine.checkpoints.new_head import fit_to_classes
from i2vda_mmseg.engine.checkpoints.planning import Plan
from i2vda_mmseg.engine.hooks import PreemptionHook
from i2vda_mmseg.entry import PACKAGE, project_root
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.wrappers import unwrapped

from .config_check import check_batch, check_config, check_model
from .config_classes import complete_classes
from .config_flow import complete_workers_flow
from .config_variables import check_variables
from .die_with_parent import die_with_parent
from .ranks import prepare_ranks

_RESTARTS = ('TORCHELASTIC_RESTART_COUNT', 'SLURM_RESTART_COUNT')  # absent, or '0', at the first start


class CheckedRunner(Runner):
    """A ``Runner`` that loads without running code, and that does not resume under another schedule than it says.

    mmengine takes learning rates, momenta and schedulers from a checkpoint, whatever the config says.

    Attributes:
        extends: Whether a resumed run follows the config's plan, and not that of the checkpoint (``--extend``).
        new_head: Whether ``load_from`` may be of other classes (``--new-head``).

    Raises:
        ConfigError: If the model and the config do not fit, or the plan of a checkpoint is another one.
    """

    extends: bool = False
    new_head: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_model(self.model, self.cfg)

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register hooks; None takes one away, whoever named it: mmengine stops at None for a name not its own."""
        super().register_default_hooks({name: hook or Hook() for name, hook in (hooks or {}).items()})

    def train(self) -> nn.Module:
        """Train; a training that fails leaves the signals to whom they belonged, too."""
        check_batch(self.model, self.cfg)
        try:
            with safe_loading():
                return super().train()
        finally:
            for hook in self.hooks:
                if isinstance(hook, PreemptionHook):
                    hook.after_train(self)  # which mmengine calls only if nothing fails

    def val(self) -> dict:
        """Validate."""
        with safe_loading():
            return super().val()

    def test(self) -> dict:
        """Test."""
        with safe_loading():
            return super().test()

    def load_or_resume(self) -> None:
        """Load or resume, once; with ``new_head``, what fits of a checkpoint of other classes."""
        if not self.new_head or self._resume or self._load_from is None or getattr(self, '_has_loaded'):  # noqa: B009
            super().load_or_resume()
            return
        model, checkpoint = unwrapped(self.model), read_checkpoint(self._load_from)
        own = unwrapped(model.segmentor).state_dict()
        fitted = fit_to_classes(checkpoint, own, list(self.train_dataloader.dataset.metainfo['classes']), own)
        model.load_state_dict({f'segmentor.{key}': value for key, value in fitted.state.items()}, strict=False)
        renewed, kept = ', '.join(fitted.renewed), ', '.join(fitted.kept) or 'none'
        left = f'but for {renewed}, which start afresh except for' if renewed else 'all of them, with'
        rows = f'{left} the rows of the classes that both name: {kept}'
        self.logger.info(f'--new-head: weights of {self._load_from}, {rows}')
        self._has_loaded = True

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Go on from a checkpoint, under its plan, which must be the config's, or under the config's."""
        plan = Plan(self)
        if not self.extends:
            plan.require(filename)
        super().resume(filename, *args, **kwargs)
        if self.extends:
            plan.follow()


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
