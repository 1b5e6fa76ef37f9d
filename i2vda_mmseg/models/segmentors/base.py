"""What every method shares: one segmentor inside, and how it is trained on a batch of two domains."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError, check_choice
from i2vda_mmseg.models.data_preprocessor import DomainDataPreprocessor
from i2vda_mmseg.models.idle_parameters import IdleParameters
from i2vda_mmseg.models.statistics import STATISTICS_MODES, frozen_statistics
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import IGNORE_INDEX

from .checkpoint import STOCK_ADVICE, CheckpointMixin
from .dense_prediction import logits_at_test_time, predict_densely, predicts_whole
from .frame_fusion import FrameFusion
from .levels import LEVELS
from .loss_settings import prepare_losses, without_waiting
from .network import advice_on_downloads, build_network
from .prediction import PredictionMixin
from .proxy import ProxyMixin
from .reading import judges_auxiliary_head
from .supervision import Supervision, supervised_pass
from .temporal import TemporalMixin
from .updates import UpdateMixin

RESIZE_MODES = ('once', 'twice')


class DomainAdaptiveSegmentor(TemporalMixin, UpdateMixin, ProxyMixin, PredictionMixin, CheckpointMixin, BaseModel):
    """A segmentor trained on labelled source images and unlabelled target frames.

    Contains a plain ``EncoderDecoder`` as ``segmentor`` (M in the paper) and tests with it alone: one frame, no flow.
    A method says *what* is learnt in ``segmentor_passes``; this class decides *when*: each pass is back-propagated as
    soon as it is made, so that one graph is in memory at a time, and one optimizer step follows.

    Labels are learnt as the segmentor itself says: by ``loss_decode``, ``sampler``, ``ignore_index`` and auxiliary
    heads of its config, each with its own weight. Methods see the logits with which it predicts (``predict_densely``).

    Args:
        segmentor: Config of an ``EncoderDecoder``, or of a ``MultiLevelEncoderDecoder`` where the method takes one.
        data_preprocessor: Config of a ``DomainDataPreprocessor``.
        lambda_seg_aux: Weight of ``loss_seg_aux`` of a ``MultiLevelEncoderDecoder``; other heads have their config's.
        batch_statistics: 'shared': source and target move the running statistics of batch norm in turn, as in the
            released code of AdaptSegNet. 'target': only target passes move them.
        temporal: Config of a ``TemporalAugmentedConsistency``: L_tc on the target video beside what the method learns.
        resize_logits: At test time, 'twice': to the input's size, then to the label's, as stock mmseg. 'once': from the
            feature maps' size to the label's, as in the released codes; not of windows ('slide') and padded images.
        channels_last: Whether M and M' keep the channels of a pixel side by side, in which GPUs with tensor cores
            convolve faster under mixed precision. Figures are the same up to rounding, checkpoints in every respect.
        **kwargs: None; what stock functions pass is refused with advice.

    Attributes:
        sees_pairs: Whether a method looks at more frames of the target than the last, whatever its settings are.
        pair_settings: Names of arguments without flow with which it does so; None leaves each of them out.
        takes_patches: Whether it learns from the data set's ``rare_patches``.
        loss_weights: Weight of each loss term in the total; 1 for those that a method does not name.
        iteration_seed: Seed of this iteration's draws, the same on every rank, set by ``ReseedHook``.
        loss_terms: Terms of the current iteration, as far as it has come; what an error reports.
        stage: Index of the stage of training, for methods that have several.

    Raises:
        ConfigError: If the segmentor predicts at a level that the method does not judge, or not densely; or if
            ``batch_statistics`` or ``resize_logits`` is unknown.
    """

    multi_level: ClassVar[bool] = False
    sees_pairs: ClassVar[bool] = False
    pair_settings: ClassVar[tuple[str, ...]] = ()
    takes_patches: ClassVar[bool] = False

    data_preprocessor: DomainDataPreprocessor
    segmentor: nn.Module

    def __init__(
        self,
        segmentor: dict,
        data_preprocessor: dict | None = None,
        lambda_seg_aux: float = 0.1,
        batch_statistics: str = 'shared',
        resize_logits: str = 'twice',
        temporal: dict | None = None,
        channels_last: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ConfigError(f'model.{next(iter(kwargs))}: no argument of {type(self).__name__}. {STOCK_ADVICE}')
        super().__init__(data_preprocessor=data_preprocessor or dict(type='DomainDataPreprocessor'))
        check_choice('batch_statistics', batch_statistics, STATISTICS_MODES)
        check_choice('resize_logits', resize_logits, RESIZE_MODES)
        self._downloading = partial(advice_on_downloads, segmentor)
        network = build_network(segmentor)
        self._check_levels(network)
        predict_densely(network)
        prepare_losses(network)
        self.segmentor = network
        self.channels_last = channels_last
        self._lay_out(channels_last)
        self._idle = IdleParameters(network)
        # Copied because a DDP wrapper around the segmentor hides its attributes.
        self.num_classes: int = network.num_classes
        self.align_corners: bool = network.align_corners
        self.levels: tuple[str, ...] = LEVELS if judges_auxiliary_head(network) else LEVELS[:1]
        self.lambda_seg_aux = lambda_seg_aux
        self.loss_weights: dict[str, float] = dict(loss_seg_aux=lambda_seg_aux) if len(self.levels) > 1 else {}
        self.batch_statistics = batch_statistics
        self.resize_logits = resize_logits
        self.loss_ce = without_waiting(MODELS.build(dict(type='CrossEntropyLoss', avg_non_ignore=True)))
        self.loss_terms: dict[str, Tensor] = {}
        self.iteration_seed: int | None = None
        self.stage = 0
        self.use_temporal(temporal)
        self.uses_proxy = self.has_teacher or self.learns_from_video
        if temporal is not None or self.has_teacher:
            self.build_proxy()

    def _check_levels(self, network: nn.Module) -> None:
        if isinstance(network, FrameFusion) and not self.takes_pairs:
            raise ConfigError(
                f'model.segmentor.type: {type(network).__name__} fuses two frames, and {type(self).__name__} predicts '
                'from one; take a network of single frames'
            )
        if judges_auxiliary_head(network) and not self.multi_level:
            raise ConfigError(
                f'model.segmentor.type: {type(self).__name__} judges a single head, and {type(network).__name__} '
                "predicts with two: use 'EncoderDecoder', whose auxiliary heads learn by their own losses"
            )

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        """Hand single images to the segmentor, as an ``EncoderDecoder`` takes them."""
        network = unwrapped(self.segmentor)
        if mode == 'predict' and self.resize_logits == 'once' and predicts_whole(network, data_samples):
            return network.postprocess_result(logits_at_test_time(network, inputs), data_samples)
        return self.segmentor(inputs, data_samples, mode=mode)

    def train_step(self, data: dict[str, Any], optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor once; returns the logged terms."""
        batch = self.data_preprocessor(data, training=True)
        log_vars, _ = self.update_segmentor(batch, optim_wrapper['segmentor'])
        return log_vars

    def supervised(
        self, images: Tensor, data_samples: Sequence[Any], name: str = 'loss_seg', at_image_size: bool = False
    ) -> Supervision:
        """Learn from labels, true ones or pseudo-labels, by the segmentor's own losses: one forward pass.

        Args:
            images: (N, 3, H, W), network input.
            data_samples: N samples with ``gt_sem_seg`` of the images' size: those of the batch, or what
                ``labelled_samples`` makes of a tensor.
            name: Name of the term, ``loss_seg`` for the source.
            at_image_size: Whether the main logits are resized to the images before their loss, not in it, so that
                another term can learn from the same ones.

        Returns:
            Its ``losses`` and ``details`` go into a ``SegmentorPass``; ``coarse()`` gives the logits of the same pass.
        """
        return supervised_pass(self.segmentor, unwrapped(self.segmentor), images, data_samples, name, at_image_size)

    def supervised_source(self, source: dict[str, Any], images: Tensor | None = None) -> Supervision:
        """Learn from the labels of a source batch; moves the running statistics only when they are shared."""
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'):
            return self.supervised(source['inputs'] if images is None else images, source['data_samples'])

    def loss_seg(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross entropy of Eq. 9: the mean over the pixels that are not ignored, 0 where all are."""
        return self.loss_ce(logits, labels, ignore_index=IGNORE_INDEX)

    def init_weights(self) -> None:
        """Initialise the weights; a download that fails says what to do instead."""
        self._lay_out(channels_last=False)  # what is drawn goes by the order in memory
        with self._downloading():
            super().init_weights()
        self._lay_out(self.channels_last)

    def _lay_out(self, channels_last: bool) -> None:
        """Lay out M's weights in memory; convolutions hand their layout on to what they compute."""
        layout = torch.channels_last if channels_last else torch.contiguous_format
        unwrapped(self.segmentor).to(memory_format=layout)
