"""Small runs in several stages, on trees of random images: for the tests."""

import itertools
from unittest.mock import patch

from datasets import trees
from helpers import MEAN, STD, tiny_segmentor_cfg
from mmengine.config import Config
from mmengine.dist import is_distributed
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

NUM_CLASSES = 15
FRAMES = [trees.frame_name(number, sequence=sequence) for sequence in range(6) for number in (18, 19)]
LABELLED = FRAMES[1::2]
SIZE = (48, 32)  # width, height
RESIZE = dict(type='Resize', scale=SIZE, keep_ratio=False)
TARGET_PIPELINE = [dict(type='LoadImage'), RESIZE, dict(type='LoadPseudoLabels'), dict(type='PackFramePair')]
AUGMENTED = [*TARGET_PIPELINE[:3], dict(type='RareClassCrop', crop_size=(24, 40)), *TARGET_PIPELINE[3:]]
EASY_PIPELINE = [*TARGET_PIPELINE[:3], dict(type='PackSegInputs')]
_numbers = itertools.count()


def make_trees(folder):
    trees.viper(folder / 'viper')
    trees.cityscapes(folder / 'cityscapes', FRAMES, LABELLED)
    return folder


def rounds(*portions, iters=3, alpha=0.0, pipeline=AUGMENTED):
    """Stages of self-training, after one of three iterations on the source."""
    labellers = [dict(type='ClassBalancedLabeller', portion=portion, alpha=alpha, flip=True) for portion in portions]
    return [
        dict(iters=iters),
        *(
            dict(iters=iters, lr_factor=0.5, labeller=x, dataset=dict(target=dict(pipeline=pipeline)))
            for x in labellers
        ),
    ]


def intrada(iters=3):
    changes = dict(source=dict(ann_file='{labels}/easy.txt', pipeline=EASY_PIPELINE))
    changes['target'] = dict(ann_file='{labels}/hard.txt')
    labeller = dict(type='EntropyRankLabeller')
    return [
        dict(iters=iters),
        dict(iters=iters, restart=True, target_as_source=True, labeller=labeller, dataset=changes),
    ]


def staged_config(data, work_dir, model='CBST', stages=None, workers=0, **options):
    """Give the config of a run of ``stages``, by default three of three iterations."""
    init_default_scope('mmseg')
    segmentor = tiny_segmentor_cfg(NUM_CLASSES)
    preprocessor = dict(type='DomainDataPreprocessor', mean=MEAN, std=STD)
    method = dict(type=model, segmentor=segmentor, data_preprocessor=preprocessor)
    optimizer = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9))
    optim_wrapper = dict(constructor='SeparateOptimWrapperConstructor', segmentor=optimizer)
    if model == 'AdvEnt':
        method.update(discriminator=dict(type='FCDiscriminator', in_channels=NUM_CLASSES, base_channels=2))
        optim_wrapper.update(discriminator=dict(optimizer=dict(type='Adam', lr=0.01)))
    source_pipeline = [dict(type='LoadImage'), dict(type='LoadRawLabels'), RESIZE, dict(type='PackSegInputs')]
    target = dict(
        type='CityscapesSeqDataset', data_root=str(data / 'cityscapes'), pairs='labelled', serialize_data=False
    )
    source = dict(type='ViperDataset', data_root=str(data / 'viper'), serialize_data=False)
    config = Config(
        dict(
            default_scope='mmseg',
            model=method,
            model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel', device_ids=None, broadcast_buffers=False),
            train_dataloader=dict(
                batch_size=2,
                num_workers=workers,
                persistent_workers=workers > 0,
                sampler=dict(type='DomainPairSampler'),
                dataset=dict(
                    type='DomainPairDataset',
                    source=dict(source, pipeline=source_pipeline),
                    target=dict(target, pipeline=TARGET_PIPELINE),
                ),
            ),
            test_dataloader=dict(dataset=dict(pipeline=[dict(type='LoadImage'), RESIZE, dict(type='PackSegInputs')])),
            test_cfg=dict(type='TestLoop'),
            test_evaluator=dict(type='DomainIoUMetric', protocol='viper15'),
            optim_wrapper=optim_wrapper,
            param_scheduler={
                name: [dict(type='PolyLR', eta_min=0.01, begin=0, end=2, by_epoch=False)]
                for name in optim_wrapper
                if name != 'constructor'
            },
            train_cfg=dict(type='StagedTrainLoop', val_interval=100, stages=stages or rounds(0.4, 0.6)),
            default_hooks=dict(
                reseed=dict(type='ReseedHook'),
                param_scheduler=dict(type='ParamSchedulerHook'),
                logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
                checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=1),
            ),
            randomness=dict(seed=0),
            log_level='WARNING',
            log_processor=dict(by_epoch=False),
            work_dir=str(work_dir),
            experiment_name=f'staged_{next(_numbers)}',
        )
    )
    config.merge_from_dict(options)
    return config


def train(data, work_dir, **options):
    """Run and give the runner."""
    # The text of the config goes into every checkpoint, and formatting it takes longer than the run.
    with patch.object(Config, 'pretty_text', 'x = 1'):
        config = staged_config(data, work_dir, **options)
        config.launcher = 'pytorch' if is_distributed() else 'none'
        runner = Runner.from_cfg(config)
        runner.train()
    return runner
