"""AdvEnt, adversarial minimisation of entropy."""

from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.ops import self_information

from .adaptsegnet import AdaptSegNet


@MODELS.register_module()
class AdvEnt(AdaptSegNet):
    """Adversarial entropy minimisation (Vu et al., CVPR 2019): ``AdaptSegNet`` whose D sees uncertainty.

    D judges the weighted self-information maps ``I_c = -p_c log p_c / log C`` of the upsampled predictions, so that M
    learns to be as certain, and in the same places, on the target as on the source. Released settings: two levels,
    binary cross entropy, ``lambda_adv`` 0.001 and ``lambda_adv_aux`` 0.0002.
    """

    def judged(self, logits: Tensor) -> Tensor:
        """Turn M's logits (N, C, H, W) into their weighted self-information."""
        return self_information(logits)
