"""A labelled source sample and an unlabelled target sample, side by side."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from mmengine.dataset import Compose
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import Dataset

from .rare_class_patches import RareClassPatches
from .rare_class_sampling import RareClassSampling
from .seeding import seeded

SOURCE, TARGET, JOINT, PATCHES = 0, 1, 2, 3
_BYTE = 255


@DATASETS.register_module()
class DomainPairDataset(Dataset):
    """Joins a source and a target data set; the index is a pair, given by ``DomainPairSampler``.

    A sample is ``dict(source=dict(inputs, data_samples), target=dict(inputs, data_samples))``, which mmengine's
    ``pseudo_collate`` batches per domain; labels are uint8 as far as they are 0 to 255. With the indices of
    ``DomainPairSampler`` all randomness of the pipelines is a function of (seed, position, domain), the joint pipeline
    counting as a third domain: it depends neither on the worker that reads the sample, nor on what was read before,
    nor does it touch the random states of the process. A plain ``(i_source, i_target)`` works as well, and draws from
    the global generators as they are.

    Args:
        source: Data set of the source domain, or its config.
        target: Data set of the target domain, or its config.
        rare_class_sampling: Arguments of ``RareClassSampling`` beside the data set: source images are then drawn by
            their classes, as a function of the same seed, and the first number of the index does not count. None: the
            image that the index says.
        joint_pipeline: Transforms over the whole sample, after the pipelines of both domains, for what changes one
            domain by the look of the other (``SpectrumTransfer``).
        rare_patches: Arguments of ``RareClassPatches`` beside the data set: a sample then has ``patches`` as well, for
            methods that paste them (QuadMix). None: no patches.

    Raises:
        ValueError: If the class lists of the two differ.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        joint_pipeline: Sequence[Any] | None = None,
        rare_class_sampling: Mapping[str, Any] | None = None,
        rare_patches: Mapping[str, Any] | None = None,
    ) -> None:
        self.source = DATASETS.build(source) if isinstance(source, dict) else source
        self.target = DATASETS.build(target) if isinstance(target, dict) else target
        steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in joint_pipeline or ()]
        self.joint_pipeline = Compose(steps)
        self._check_classes()
        self.rare_class_sampling = None
        if rare_class_sampling is not None:
            self.rare_class_sampling = RareClassSampling(self.source, **rare_class_sampling)
        self.rare_patches = None if rare_patches is None else RareClassPatches(self.source, **rare_patches)

    @property
    def metainfo(self) -> dict:
        """Meta information of the source: the class space of both."""
        return self.source.metainfo

    def full_init(self) -> None:
        """Build both indices, so that data workers share them."""
        for dataset in (self.source, self.target):
            if hasattr(dataset, 'full_init'):
                dataset.full_init()
        for sampling in (self.rare_class_sampling, self.rare_patches):
            if sampling is not None:
                sampling.probabilities  # noqa: B018 - counted here, before there are data workers

    def __len__(self) -> int:
        """Number of source samples: an epoch of the labelled domain, whatever the size of the target."""
        return len(self.source)

    def __getitem__(self, index: tuple[int, int]) -> dict[str, dict]:
        """Read source sample ``index[0]`` and target sample ``index[1]``."""
        if not (isinstance(index, tuple) and len(index) == 2):
            raise TypeError(
                f'DomainPairDataset takes (i_source, i_target), got {index!r}; '
                "set sampler=dict(type='DomainPairSampler') in the dataloader."
            )
        with _randomness(index, SOURCE):
            if self.rare_class_sampling is None:
                source = _read(self.source, index[0])
            else:
                source = self.rare_class_sampling.sample(_read)
        with _randomness(index, TARGET):
            target = _read(self.target, index[1])
        with _randomness(index, JOINT):
            sample = self.joint_pipeline({'source': source, 'target': target})
        if sample is None:
            raise ValueError(f'the joint pipeline returned None for {index}; no sample may be dropped.')
        if self.rare_patches is not None:
            with _randomness(index, PATCHES):
                sample = {**sample, 'patches': self.rare_patches.patches(partial(self._read_for, target))}
        for domain in sample.values():
            _shrink_labels(domain.get('data_samples', {}))
        return sample

    def _read_for(self, target: dict, index: int) -> dict:
        """Read a source sample as it looks beside a target sample."""
        return self.joint_pipeline({'source': _read(self.source, index), 'target': target})['source']

    def _check_classes(self) -> None:
        source, target = (list(dataset.metainfo.get('classes') or []) for dataset in (self.source, self.target))
        if source != target:
            raise ValueError(
                f'source and target must have the same classes in the same order;\nsource: {source}\ntarget: {target}\n'
                "For CityscapesSeqDataset choose class_space='viper15' or 'synthia12'; or set metainfo.classes in both."
            )


def _randomness(index: tuple[int, int], domain: int) -> AbstractContextManager[None]:
    """Seed from what the sampler has attached to the index; leave the generators alone if it has not."""
    seed, position = getattr(index, 'seed', None), getattr(index, 'position', None)
    return nullcontext() if seed is None or position is None else seeded(seed, position, domain)


def _shrink_labels(data_sample: Any) -> None:
    """Let labels be bytes on their way to the device, an eighth of what they are; the preprocessor makes them int64."""
    if 'gt_sem_seg' not in data_sample:
        return
    labels = data_sample.gt_sem_seg.data
    if labels.dtype == torch.int64 and labels.min() >= 0 and labels.max() <= _BYTE:
        data_sample.gt_sem_seg = PixelData(data=labels.to(torch.uint8))


def _read(dataset: Any, index: int) -> dict:
    # Not dataset[index]: mmengine's data sets answer a sample dropped by the pipeline with another, random one.
    sample = dataset.prepare_data(index) if hasattr(dataset, 'prepare_data') else dataset[index]
    if sample is None:
        raise ValueError(f'the pipeline of {type(dataset).__name__} returned None for sample {index}; drop none.')
    return sample
