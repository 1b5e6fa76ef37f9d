"""The runner of this project: mmengine's, with checks."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from i2vda_mmseg.engine.checkpoints import check_loaded, read_checkpoint, safe_loading
from i2vda_mmseg.engine.checkpoints.new_head import fit_to_classes
from i2vda_mmseg.engine.checkpoints.planning import Plan
from i2vda_mmseg.engine.compiled_network import compile_network
from i2vda_mmseg.engine.hooks import PreemptionHook
from i2vda_mmseg.models.segmentors.checkpoint_parts import SEGMENTOR, segmentor_weights
from i2vda_mmseg.models.segmentors.dense_prediction import predict_logits
from i2vda_mmseg.models.wrappers import unwrapped

from .config_check import check_batch, check_model


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
        predict_logits(unwrapped(self.model))
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

    def _maybe_compile(self, target: str) -> None:
        """Compile M, where the config says ``compile=True`` or gives arguments of ``torch.compile``.

        mmengine compiles the whole training step, which hooks, lists of samples and draws break into pieces.
        """
        network = getattr(unwrapped(self.model), 'segmentor', None)
        options = self.cfg.get('compile')
        if network is None or not options:
            super()._maybe_compile(target)
            return
        names = compile_network(unwrapped(network), None if options is True else options)
        self.logger.info(f'compile: {", ".join(names)} of the segmentor, at its first passes, which take minutes')

    def val(self) -> dict:
        """Validate."""
        with safe_loading():
            return super().val()

    def test(self) -> dict:
        """Test."""
        with safe_loading():
            return super().test()

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Load a checkpoint, and refuse one that leaves a plain network at random values, as methods do themselves."""
        content = super().load_checkpoint(filename, *args, **kwargs)
        check_loaded(unwrapped(self.model), content, filename)
        return content

    def load_or_resume(self) -> None:
        """Load or resume, once; with ``new_head``, what fits of a checkpoint of other classes."""
        if not self.new_head or self._resume or self._load_from is None or getattr(self, '_has_loaded'):  # noqa: B009
            super().load_or_resume()
            return
        model = unwrapped(self.model)
        prefix = SEGMENTOR if hasattr(model, 'segmentor') else ''  # none in a plain network
        own = segmentor_weights(model.state_dict())
        classes = list(self.train_dataloader.dataset.metainfo['classes'])
        fitted = fit_to_classes(read_checkpoint(self._load_from), own, classes, own)
        # mmengine's, which finds its way through the wrappers of several ranks
        load_state_dict(self.model, {prefix + key: value for key, value in fitted.state.items()})
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
