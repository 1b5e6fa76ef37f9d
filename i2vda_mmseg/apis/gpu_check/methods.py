"""Every method on blank data: its model, its optimizers and batches, ready to step."""

import tempfile
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.rehearsal.blank_data import blank_loader
from i2vda_mmseg.apis.rehearsal.rehearse import without_weights
from i2vda_mmseg.engine.loops import stages_in

_BLOCK = 16  # pixels of a side of a block of one label
_SMALL, _PAPER = '{}/deeplabv2_r18_streetworld', '{}/deeplabv2_r101_viper2cs'
METHODS: tuple[str, ...] = (
    'source_only', 'adaptsegnet', 'advent', 'fda', 'cbst', 'crst', 'intrada', 'davsn', 'tps', 'i2vda', 'dacs',
    'daformer', 'hrda', 'mic',
)  # fmt: skip


class Steps(NamedTuple):
    """A method that can be stepped.

    Attributes:
        model: On its device, in training mode.
        optimizers: One for each trained network.
        batches: As the loader gives them; they are not changed.
    """

    model: Any
    optimizers: OptimWrapperDict
    batches: list[dict[str, Any]]

    def step(self, index: int = 0) -> dict[str, Tensor]:
        """Train on the batch ``index``, with the draws of an iteration of that number; returns the logged terms."""
        torch.manual_seed(index)
        self.model.iteration_seed = index
        batch = deepcopy(self.batches[index % len(self.batches)])
        return self.model.train_step(batch, self.optimizers)


def leaf(method: str, small: bool) -> str:
    """Name the config of a method, for StreetWorld or of the paper's size, wherever the package is."""
    return f'i2vda_mmseg::{(_SMALL if small else _PAPER).format(method)}.py'


def blank_batches(path: str, count: int = 2) -> list[dict[str, Any]]:
    """Read batches of blank data through the pipelines of a config; of its last stage, pseudo-labels included.

    Images are of random colours, labels of random blocks.
    """
    config = load_config(path)
    stages = stages_in(config.train_cfg)
    with tempfile.TemporaryDirectory() as folder:
        several = len(stages) > 1
        loading = stages[-1].dataloader(config.train_dataloader, folder) if several else config.train_dataloader
        batches = iter(blank_loader(loading, folder, pseudo_labels=several))
        found = [next(batches) for _ in range(count)]
    for batch in found:
        _draw_labels(batch, config.model.segmentor.decode_head.num_classes)
    return found


def _draw_labels(batch: dict[str, Any], classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    for domain in batch.values():
        for sample in domain['data_samples']:
            if 'gt_sem_seg' in sample:
                height, width = sample.gt_sem_seg.data.shape[-2:]
                blocks = torch.randint(classes, (1, -(-height // _BLOCK), -(-width // _BLOCK)), generator=generator)
                labels = blocks.repeat_interleave(_BLOCK, 1).repeat_interleave(_BLOCK, 2)[:, :height, :width]
                sample.gt_sem_seg = PixelData(data=labels.to(sample.gt_sem_seg.data.dtype))


def build_steps(path: str, precision: str, device: str, batches: list[dict[str, Any]]) -> Steps:
    """Build the model of a config with drawn weights, the same on every device."""
    config = without_weights(load_config(path), precision)
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    for child in model.children():
        _settle(child)
    model = model.to(device).train()
    return Steps(model, build_optim_wrapper(model, config.optim_wrapper), batches)


def _settle(network: nn.Module) -> None:
    """Silence dropout, whose draws differ from device to device."""
    for child in network.modules():
        if isinstance(child, nn.modules.dropout._DropoutNd):
            child.p = 0.0


def trained_weights(model: Any, name: str = 'segmentor') -> Tensor:
    """Join the trained parameters of a network: a vector on the CPU, float64."""
    network = getattr(model, name)
    return torch.cat([p.detach().flatten().double().cpu() for p in network.parameters() if p.requires_grad])
