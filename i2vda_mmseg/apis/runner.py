"""mmengine's runner, with what it reads and resumes checked."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from i2vda_mmseg.engine.checkpoints import safe_loading
from i2vda_mmseg.engine.checkpoints.planning import Plan

from .config_check import check_model


class CheckedRunner(Runner):
    """A ``Runner`` that loads without running code, and that does not resume under another schedule than it says.

    mmengine takes learning rates, momenta and schedulers from a checkpoint, whatever the config says.

    Attributes:
        extends: Whether a resumed run follows the config's plan, and not that of the checkpoint (``--extend``).

    Raises:
        ConfigError: If the model and the config do not fit, or the plan of a checkpoint is another one.
    """

    extends: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_model(self.model, self.cfg)

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register hooks; None takes one away, whoever named it: mmengine stops at None for a name not its own."""
        super().register_default_hooks({name: hook or Hook() for name, hook in (hooks or {}).items()})

    def train(self) -> nn.Module:
        """Train."""
        with safe_loading():
            return super().train()

    def val(self) -> dict:
        """Validate."""
        with safe_loading():
            return super().val()

    def test(self) -> dict:
        """Test."""
        with safe_loading():
            return super().test()

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Go on from a checkpoint, under its plan, which must be the config's, or under the config's."""
        plan = Plan(self)
        if not self.extends:
            plan.require(filename)
        super().resume(filename, *args, **kwargs)
        if self.extends:
            plan.follow()
