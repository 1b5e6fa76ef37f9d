"""Test-time augmentation: predictions at several scales, mirrored and not, averaged."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.models import SegTTAModel

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.wrappers import unwrapped

from .config_keys import scale_of

TTA_RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)  # those of MMSegmentation's configs


def augment_test(config: Config, ratios: Sequence[float] = TTA_RATIOS) -> None:
    """Let the config's test read every frame at several sizes, each of them mirrored, too.

    Temporal consistency, for which a config asks that ``--tc`` has changed, is of single predictions: it is left out.

    Args:
        config: Changed in place; the pipeline of its test data has one ``Resize`` to a ``scale``.
        ratios: Factors of that scale, positive.

    Raises:
        ConfigError: If a ratio is not positive, or the pipeline is another, as of networks of two frames.
    """
    if not ratios or min(ratios) <= 0:
        raise ConfigError(f'--tta takes positive ratios, got {list(ratios)}')
    dataset = config.test_dataloader.dataset
    steps = list(dataset.pipeline)
    scales = {index: scale for index, step in enumerate(steps) if (scale := scale_of(step))}
    if len(scales) != 1 or any(step['type'] == 'LoadFramePair' for step in steps) or dataset.get('previous_frame'):
        raise ConfigError(
            'test_dataloader.dataset.pipeline: --tta needs single frames and one Resize to a scale, found '
            f'{", ".join(step["type"] for step in steps)}'
        )
    if (config.get('test_cfg') or {}).get('type') == 'ClipTestLoop':
        print_log('--tta: temporal consistency is left out', logger='current')
        config.test_cfg = dict(type='TestLoop')
    ((place, (width, height)),) = scales.items()
    sizes = [dict(steps[place], scale=(round(width * ratio), round(height * ratio))) for ratio in ratios]
    mirrored = [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)]
    rest = [[step] for step in steps[place + 1 :]]  # labels are read after the flip, and stay as they are
    dataset.pipeline = [*steps[:place], dict(type='TestTimeAug', transforms=[sizes, mirrored, *rest])]


def average_predictions(runner: Runner) -> None:
    """Load the runner's checkpoint, and let its test average the probabilities of all views of a frame."""
    runner.load_or_resume()  # before the model is wrapped, whose keys have another name
    model: Any = unwrapped(runner.model)
    model.out_channels = unwrapped(getattr(model, 'segmentor', model)).out_channels
    runner.model = SegTTAModel(module=model)
