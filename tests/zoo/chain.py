"""What a family goes through: build, train, learn, resume, test, export and stock mmseg."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmseg.apis import init_model
from mmseg.registry import MODELS

from i2vda_mmseg.apis.export import check_export, export_checkpoint, stock_config
from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.models.segmentors.supervision import summed
from i2vda_mmseg.streetworld import make_streetworld

STEPS = ('build', 'train', 'learn', 'resume', 'test', 'export')
# I2VDA holds what the others hold, so that its networks are resumed, tested and exported for all.
METHODS = dict(source_only=STEPS[:3], adaptsegnet=STEPS[:3], i2vda=STEPS)
ROOT = Path(__file__).parents[2]
ITERATIONS, CLASSES = 3, 15


class StartHook(Hook):
    """Keeps the weights that training starts from."""

    def before_train(self, runner: Any) -> None:
        self.weights = {name: value.clone() for name, value in runner.model.segmentor.state_dict().items()}


def make_data(out: Path, size: tuple[int, int]) -> Path:
    """Make the smallest StreetWorld: 4 source images, 4 target pairs, 2 frames to test on."""
    return make_streetworld(out, images=4, synthia_images=0, clips=4, val_clips=2, frames=2, size=size, progress=False)


def method_config(method: str, segmentor: dict, data: Path, work_dir: Path, size: tuple[int, int]) -> Config:
    """Put a network into the StreetWorld leaf of a method, for three iterations with L_tc from the second one on."""
    config = Config.fromfile(ROOT / f'configs/{method}/deeplabv2_r18_streetworld.py')
    config.model.segmentor = deepcopy(segmentor)
    config.work_dir = str(work_dir)
    for loader, below in (('train_dataloader', 'target'), ('test_dataloader', None), ('train_dataloader', 'source')):
        dataset = config[loader].dataset[below] if below else config[loader].dataset
        dataset.serialize_data = False  # for many workers, and slow
        dataset.data_root = str(data / ('viper' if below == 'source' else 'cityscapes'))
        _resize(dataset.pipeline, size)
    if config.model.segmentor.get('backbone', {}).get('type') == 'PIDNet':  # which learns boundaries
        config.train_dataloader.dataset.source.pipeline.insert(-1, dict(type='GenerateEdge', edge_width=2))
    config.val_dataloader = config.val_cfg = config.val_evaluator = config.param_scheduler = config.load_from = None
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=ITERATIONS)
    # Adam moves all that has a gradient, however small, and decay nothing that has none.
    config.optim_wrapper.segmentor = dict(
        type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.0), clip_grad=dict(max_norm=1e3)
    )
    config.optim_wrapper.pop('backbone_steps', None)
    if METHODS[method] == STEPS:
        config.default_hooks.checkpoint.interval = ITERATIONS - 1
    else:
        config.default_hooks.checkpoint.update(interval=-1, save_last=False)
    if 'proxy_copy' in config.default_hooks:
        config.default_hooks.proxy_copy.update(interval=1, launch=1)
        config.model.pseudo_label_head.update(delta=1.0, eta=100.0)
    config.visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
    return config


def _resize(pipeline: Any, size: tuple[int, int]) -> None:
    for step in pipeline:
        if step['type'] == 'Resize':
            step['scale'] = size[::-1]
        _resize(step.get('transforms', []), size)


class Chain:
    """One network in one method; each step raises what goes wrong.

    Attributes:
        idle: Parameters that require a gradient and get none, in stock mmseg neither.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.out = Path(config.work_dir)
        self.start = StartHook()
        self.idle: list[str] = []

    def build(self) -> None:
        """Build model, data, optimizers and hooks as tools/train.py does."""
        self.runner = build_runner(deepcopy(self.config))
        self.runner.register_hook(self.start)

    def train(self) -> None:
        """Train three iterations; all weights stay finite."""
        self.runner.train()
        assert all(value.isfinite().all() for value in self.runner.model.state_dict().values())

    def learn(self) -> None:
        """Every parameter that requires a gradient has moved, but those to which stock mmseg gives no gradient."""
        network = self.runner.model.segmentor
        still = [
            name
            for name, value in network.named_parameters()
            if value.requires_grad and torch.equal(value, self.start.weights[name])
        ]
        self.idle = [name for name in still if name in self._idle_in_stock()] if still else []
        assert still == self.idle, f'{len(still)} parameters never learn: {still[:3]}'

    def resume(self) -> None:
        """The last iteration, resumed in a new process's place: no tensor differs."""
        config = deepcopy(self.config)
        config.update(work_dir=str(self.out / 'resumed'), resume=True)
        config.load_from = str(self.out / f'iter_{ITERATIONS - 1}.pth')
        resumed = build_runner(config)
        resumed.train()
        first, second = self.runner.model.state_dict(), resumed.model.state_dict()
        unequal = [key for key, value in first.items() if not torch.equal(value, second[key])]
        assert not unequal, f'{len(unequal)} of {len(first)} tensors differ: {unequal[:3]}'

    def test(self) -> None:
        """Test on the target's frames."""
        metrics = self.runner.test()
        assert 0 <= metrics['mIoU'] <= 100, metrics

    def export(self) -> None:
        """Stock mmseg loads the export and predicts the same."""
        checkpoint, path = self.out / 'stock.pth', self.out / 'stock.py'
        export_checkpoint(str(self.out / f'iter_{ITERATIONS}.pth'), str(checkpoint))
        config = stock_config(self.config)
        check_export(config, checkpoint)
        config.dump(path)
        stock = init_model(str(path), str(checkpoint), device='cpu')
        batch = next(iter(self.runner.test_dataloader))
        ours, theirs = (self._logits(model, deepcopy(batch)) for model in (self.runner.model, stock))
        torch.testing.assert_close(ours, theirs)

    @staticmethod
    @torch.no_grad()
    def _logits(model: Any, batch: dict) -> Any:
        torch.manual_seed(0)
        return model.eval().test_step(batch)[0].seg_logits.data

    def _idle_in_stock(self) -> set[str]:
        """Names of the parameters that get no gradient from the network's own loss."""
        network = MODELS.build(self.config.model.segmentor).train()
        network.init_weights()  # branches that start from zero, behind norms that do not learn, have no gradient
        source = self.runner.model.data_preprocessor(next(iter(self.runner.train_dataloader)), training=True)['source']
        losses, _ = summed(network.loss(source['inputs'], source['data_samples']), 'loss_seg')
        sum(losses.values()).backward()
        return {name for name, value in network.named_parameters() if value.grad is None or not value.grad.abs().sum()}


def run_chain(config: Config, steps: tuple[str, ...] = STEPS) -> dict[str, str]:
    """Send a network through a method; returns what went wrong in each step, or ''.

    Steps after a failed build or training are left out.
    """
    chain, results = Chain(config), {}
    for step in steps:
        try:
            getattr(chain, step)()
            results[step] = ''
        except Exception as error:
            results[step] = f'{config.model.type}: {type(error).__name__}: {error}'
            if step in ('build', 'train'):
                break
    results['idle'] = ', '.join(chain.idle)
    return results
