"""The samples of a training as its first iterations read them, as pictures."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import DATA_SAMPLERS, DATASETS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.flow import build_flow_estimator
from i2vda_mmseg.ops import IGNORE_INDEX, consistency_mask, inside, warp
from i2vda_mmseg.reporting.browse_page import BrowsedSample, BrowsedSide
from i2vda_mmseg.visualization import flow_to_rgb, label_to_rgb, mask_to_rgb

from .config_flow import flow_users, suits_workers, validity_mask

_OPACITY = 0.5


class Browser:
    """Reads training samples in the order of the training, with its random steps.

    Args:
        config: A config with a pair of domains to train on.

    Attributes:
        metainfo: Classes and palette of its data.
        flow_note: Where the flow that is shown comes from, in a sentence.

    Raises:
        ConfigError: If it has none.
    """

    def __init__(self, config: Config) -> None:
        loader = config.get('train_dataloader') or {}
        if {'source', 'target'} - set(loader.get('dataset') or {}):
            raise ConfigError(
                'train_dataloader.dataset: expected a DomainPairDataset with source and target; of other data sets, '
                "mmseg's tools/analysis_tools/browse_dataset.py shows samples"
            )
        self._dataset: Any = DATASETS.build(loader['dataset'])
        self._dataset.full_init()
        seed = (config.get('randomness') or {}).get('seed') or 0
        self._sampler: Any = DATA_SAMPLERS.build(dict(loader['sampler'], dataset=self._dataset, seed=seed))
        self._batch_size = loader.get('batch_size', 1)
        self.metainfo: dict[str, Any] = self._dataset.metainfo
        self._mask = validity_mask(config)
        users = flow_users(config)
        estimator = users[0][1]['flow_estimator'] if users else dict(type='DISFlow')
        is_own = suits_workers(estimator)
        self.flow_note = f'Flow by {estimator["type"]}'
        if not is_own:
            self.flow_note = f'Flow by DISFlow, in place of {estimator["type"]}, where the pipeline makes none'
        elif not users:
            self.flow_note = 'Flow by DISFlow; the training uses none'
        self._estimator = build_flow_estimator(estimator if is_own else dict(type='DISFlow'))

    def samples(self, count: int, iteration: int = 0) -> Iterator[BrowsedSample]:
        """Give ``count`` samples from the first one that an iteration reads, on one process.

        Raises:
            ValueError: If a number is out of range.
            OSError: If a file cannot be read.
        """
        if count < 1 or iteration < 0:
            raise ValueError(f'expected at least 1 sample from iteration 0 or later, got {count} from {iteration}')
        for position in range(iteration * self._batch_size, iteration * self._batch_size + count):
            sample = self._dataset[self._sampler.index_at(position)]
            name = f'Iteration {position // self._batch_size}, sample {position % self._batch_size}'
            yield BrowsedSample(name, [self._source(sample['source']), self._target(sample['target'])])

    def _source(self, sample: Mapping[str, Any]) -> BrowsedSide:
        data = sample['data_samples']
        image = _rgb(sample['inputs'].reshape(-1, *sample['inputs'].shape[-3:])[-1])  # two-frame methods have two
        labels = data.gt_sem_seg.data[0].numpy()
        drawn = label_to_rgb(labels, self.metainfo['palette'])
        caption = f'Label ({(labels != IGNORE_INDEX).mean():.0%} of the pixels)'
        over = np.where((labels == IGNORE_INDEX)[..., None], image, (1 - _OPACITY) * image + _OPACITY * drawn)
        cells = [('Image', image), (caption, drawn), ('Both', over.round().astype(np.uint8))]
        paths = [str(data.metainfo[key]) for key in ('img_path', 'seg_map_path') if key in data.metainfo]
        return BrowsedSide(f'Source, {_size(image)}', paths, cells, [caption])

    def _target(self, sample: Mapping[str, Any]) -> BrowsedSide:
        data, frames = sample['data_samples'], sample['inputs']
        last = len(frames) - 1
        pictures = [_rgb(frame) for frame in frames]
        cells = [(f'Frame I_{{{number}}}', picture) for number, picture in enumerate(pictures)]
        if 'frame_t' in data:
            cells.append(
                (f'Synthesised I_{{t}} (t = {float(data.metainfo["t"]):.2f})', _rgb(data.frame_t.data.flip(0)))
            )
        names = (f'{last - 1}{last}', f'{last}{last - 1}')
        forward, backward = self._flows(data, names, pictures)
        lengths = backward[0].norm(dim=0)
        longest = max(1.0, float(lengths.quantile(0.99)))
        flow = backward[0].permute(1, 2, 0).numpy()
        valid = consistency_mask(forward, backward, self._mask.eta, frame=self._mask.frame)
        if self._mask.only_inside:
            valid = valid & inside(backward)
        mask = f'Validity mask ({valid.float().mean():.0%} kept)'
        warped = warp(frames[-2:-1].float(), backward)[0]
        cells += [
            (f'Flow F_{{{names[1]}}} (median {lengths.median():.1f} px, full colour from {longest:.1f} px)',
             flow_to_rgb(flow, longest)),
            (f'I_{{{last - 1}}} warped to I_{{{last}}}', _rgb(warped)),
            (mask, mask_to_rgb(valid[0].numpy())),
        ]  # fmt: skip
        sharp = [mask]
        if 'gt_sem_seg' in data:
            sharp.append('Pseudo-label')
            cells.append(('Pseudo-label', label_to_rgb(data.gt_sem_seg.data[0].numpy(), self.metainfo['palette'])))
        paths = [str(path) for path in data.metainfo.get('frame_paths', ())]
        return BrowsedSide(f'Target, {_size(pictures[0])}', paths, cells, sharp)

    def _flows(self, data: Any, names: tuple[str, str], frames: list[np.ndarray]) -> tuple[Tensor, Tensor]:
        """F_01 and F_10 of the last two frames, (1, 2, H, W): the pipeline's, or made here."""
        if all(f'flow_{name}' in data for name in names):
            forward, backward = (data.get(f'flow_{name}').data[None].float() for name in names)
            return forward, backward
        ends = [torch.from_numpy(frame).permute(2, 0, 1)[None].float() for frame in frames[-2:]]
        keys = data.metainfo.get('frame_keys')
        pair = None if keys is None else tuple(keys[-2:])
        forward = self._estimator(*ends, None if pair is None else [pair])
        return forward, self._estimator(*ends[::-1], None if pair is None else [pair[::-1]])


def _rgb(image: Tensor) -> np.ndarray:
    """Turn (3, H, W), BGR 0..255, into (H, W, 3), uint8, RGB."""
    return image.flip(0).float().round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


def _size(image: np.ndarray) -> str:
    return f'{image.shape[1]}x{image.shape[0]}'
