"""Testing on labelled frames, then on whole clips."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import TestLoop
from mmengine.runner.amp import autocast
from mmseg.registry import LOOPS

from i2vda_mmseg.datasets.transforms.labels import LABEL_STEPS
from i2vda_mmseg.engine.frame_predictor import find_test_dataset

LOG_INTERVAL = 50


@LOOPS.register_module()
class ClipTestLoop(TestLoop):
    """The test loop, followed by a pass over the frames of clips; its figures join those of the first pass.

    Hooks see the first pass only: pictures and files of predictions are of the labelled frames.

    Args:
        runner: The runner.
        dataloader: Labelled frames.
        evaluator: Metrics of the first pass.
        clip_dataloader: Config of a dataloader of clips, with a ``ClipSampler``.
        clip_evaluator: Metrics of the second pass.
        fp16: Whether to predict in mixed precision.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: Any,
        evaluator: Any,
        clip_dataloader: dict,
        clip_evaluator: dict,
        fp16: bool = False,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self.clip_dataloader = runner.build_dataloader(clip_dataloader, seed=runner.seed)
        self.clip_evaluator = runner.build_evaluator(clip_evaluator)
        self.clip_evaluator.dataset_meta = self.clip_dataloader.dataset.metainfo

    def run(self) -> dict[str, float]:
        """Test on labelled frames and on clips."""
        metrics = super().run()
        return {**metrics, **self.run_clips()}

    @torch.no_grad()
    def run_clips(self) -> dict[str, float]:
        """Test on clips."""
        self.runner.model.eval()
        total = len(self.clip_dataloader)
        for done, batch in enumerate(self.clip_dataloader, start=1):
            with autocast(enabled=self.fp16):
                outputs = self.runner.model.test_step(batch)
            self.clip_evaluator.process(data_samples=outputs, data_batch=batch)
            if done % LOG_INTERVAL == 0 or done == total:
                print_log(f'Clips [{done}/{total}]', logger='current')
        return self.clip_evaluator.evaluate(len(self.clip_dataloader.dataset))


def clip_dataloader(config: Config) -> dict[str, Any]:
    """Config of a dataloader of the clips of the data that a config tests on, see ``find_test_dataset``.

    Raises:
        ValueError: If those are no frames of a ``CityscapesSeqDataset``.
    """
    found = config.get('test_dataloader') or config.get('val_dataloader')
    loader: dict[str, Any] = dict(batch_size=1, num_workers=0) if found is None else found.to_dict()
    dataset = loader['dataset'] = find_test_dataset(config).to_dict()
    if dataset['type'] != 'CityscapesSeqDataset':
        raise ValueError(
            f'temporal consistency needs clips, but test_dataloader.dataset is a {dataset["type"]}; give the config a '
            'tc_dataloader with a CityscapesClipDataset and a ClipSampler'
        )
    dataset['type'] = 'CityscapesClipDataset'
    dataset['pipeline'] = [step for step in dataset.get('pipeline', []) if step['type'] not in LABEL_STEPS]
    loader['sampler'] = dict(type='ClipSampler')
    return loader
