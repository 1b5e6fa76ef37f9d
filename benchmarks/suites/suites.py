"""The suites of ``tools/benchmark.py``, as data.

Published figures are of VIPER -> Cityscapes-Seq: Tables 1 and 3-5 of the paper. Iterations are those of the StreetWorld
configs, so that a table is about the configs as they are. ``seconds`` are rough estimates, from the CPU time of 30
iterations of each method.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .suite import Row, Suite

WORLD = dict(images=500, clips=200, val_clips=120, synthia_images=0, frames=3, previous_frames=True)
SMOKE_WORLD = dict(WORLD, images=12, clips=4, val_clips=2)
SAVING = {'default_hooks.checkpoint.interval': 100, 'default_hooks.checkpoint.max_keep_ckpts': 2}
CONFIG = 'configs/{}/deeplabv2_r18_streetworld.py'
PREPARE_SECONDS = 410.0
I2VDA_SECONDS = 190.0
I2VDA_MIOU = 51.2
HEAD = 'model.pseudo_label_head'
AUGMENTATION = 'model.temporal_augmentation'
PROXY = 'default_hooks.proxy_copy'

TABLE_1 = (
    Row('Source only', 'source_only', CONFIG.format('source_only'), 80, paper_miou=37.1),
    Row(
        'AdaptSegNet',
        'adaptsegnet',
        CONFIG.format('adaptsegnet'),
        120,
        paper_miou=44.0,
        note='the baseline of Table 3; single level, least squares',
    ),
    Row('AdvEnt', 'advent', CONFIG.format('advent'), 160, paper_miou=41.2),
    Row(
        'FDA',
        'fda',
        CONFIG.format('fda'),
        210,
        paper_miou=44.4,
        note='ours is the network of the last stage, not an average of three',
    ),
    Row('CBST', 'cbst', CONFIG.format('cbst'), 115, paper_miou=41.7),
    Row('CRST', 'crst', CONFIG.format('crst'), 115, paper_miou=42.4),
    Row('IDA', 'intrada', CONFIG.format('intrada'), 170, paper_miou=42.0),
    Row('DA-VSN', 'davsn', CONFIG.format('davsn'), 310, paper_miou=47.8, paper_tc=63.82),
    Row('TPS', 'tps', CONFIG.format('tps'), 200, paper_miou=48.9, note="TPS's README; not in the paper"),
    Row('I2VDA', 'i2vda', CONFIG.format('i2vda'), I2VDA_SECONDS, paper_miou=I2VDA_MIOU, paper_tc=66.01),
)


def _variant(
    name: str,
    run: str,
    paper_miou: float,
    options: Mapping[str, Any] | None = None,
    section: str = '',
    original: tuple[str, str] | None = None,
) -> Row:
    """Give a row of I2VDA; ``original`` is None where the paper's leaf is called as the run."""
    original = original or (name, '' if run == 'full' else run)
    return Row(
        name,
        run,
        CONFIG.format('i2vda'),
        I2VDA_SECONDS,
        options or {},
        paper_miou,
        section=section,
        original=original,
    )


TABLE_3 = (
    Row('Baseline', 'adaptsegnet', CONFIG.format('adaptsegnet'), 120, paper_miou=44.0),
    _variant('w/o temporal augmentation', 'no-temporal-augmentation', 47.0, {AUGMENTATION: None}),
    _variant('w/o temporal-augmented consistency', 'no-consistency', 45.6, {HEAD: None}),
    _variant('w/o occlusion O', 'no-occlusion', 49.7, {f'{HEAD}.use_occlusion': False}),
    _variant('w/o entropy E', 'no-entropy', 49.6, {f'{HEAD}.use_entropy': False}),
    _variant('Full I2VDA', 'full', I2VDA_MIOU),
)


def _values(section: str, key: str, ours: Any, published: Mapping[Any, float]) -> Iterator[Row]:
    """Give a row for each value that the paper tries; ``ours`` is what the StreetWorld config has."""
    for value, paper_miou in published.items():
        run = 'full' if value == ours else f'{section}-{value}'
        options = {} if value == ours else {key: value}
        original = (f'{value}', '' if paper_miou == I2VDA_MIOU else f'{section}-{value}')  # full is the paper's best
        yield _variant(f'{value} (full)' if value == ours else f'{value}', run, paper_miou, options, section, original)


def _proxy_rows(section: str, key: str, published: Mapping[str, float]) -> Iterator[Row]:
    """Give rows at 1/8, 1 and 15/8 of the embedded 400 iterations, as the paper's 1k, 8k and 15k."""
    for (label, paper_miou), value in zip(published.items(), (50, 400, 750)):
        run = 'full' if value == 400 else f'{section}-{value}'
        name = f'{value} (full) for {label}' if value == 400 else f'{value} for {label}'
        original = (label, '' if label == '8k' else f'{section.removeprefix("ITER_").lower()}-{label}')
        yield _variant(name, run, paper_miou, {} if value == 400 else {key: value}, section, original)


TABLE_4 = (
    *_proxy_rows('ITER_COPY', f'{PROXY}.interval', {'1k': 48.9, '8k': 51.2, '15k': 49.6}),
    *_proxy_rows('ITER_LAUNCH', f'{PROXY}.launch', {'1k': 48.3, '8k': 51.2, '15k': 50.2}),
)
TABLE_5 = (
    *_values('eta', f'{HEAD}.eta', 1.0, {0.1: 50.4, 1.0: 51.2, 2.0: 50.2}),
    *_values('delta', f'{HEAD}.delta', 0.1, {0.1: 48.5, 0.3: 51.2, 0.5: 49.7}),
    *_values(
        't',
        f'{AUGMENTATION}.t',
        'random',
        {0.0: 47.0, 0.25: 47.0, 0.5: 48.4, 0.75: 48.1, 1.0: 47.4, 'random': 51.2},
    ),
    *_values('alpha', f'{AUGMENTATION}.alpha', 0.5, {0.1: 49.2, 0.3: 49.7, 0.5: 51.2, 0.7: 49.6, 0.9: 48.8}),
)

MODERN = (
    *(row for row in TABLE_1 if row.run in ('source_only', 'adaptsegnet', 'i2vda')),
    *(
        Row(
            f'{name}{", with time" if time else ""}',
            f'{folder}{time}',
            f'{CONFIG.format(folder)[:-3]}{time}.py',
            seconds,
        )
        for name, folder, seconds in (('DACS', 'dacs', 150), ('DAFormer', 'daformer', 160), ('MIC', 'mic', 230))
        for time in ('', '_temporal')
    ),
)

LITE0 = 'configs/{}/efficientnet-lite0_streetworld.py'
PRETRAINED = (
    *(replace(row, config=LITE0.format('source_only')) for row in TABLE_1 if row.run == 'source_only'),
    *(replace(row, config=LITE0.format(Path(row.config).parent.name)) for row in TABLE_3),
    Row('DAFormer', 'daformer', LITE0.format('daformer'), 160),
)

SMOKE_ITERS = {'train_cfg.max_iters': 6}
SMOKE = (
    Row('Source only', 'source_only', CONFIG.format('source_only'), 20, SMOKE_ITERS, 37.1),
    Row(
        'CBST',
        'cbst',
        CONFIG.format('cbst'),
        22,
        {
            **{f'train_cfg.stages.{stage}.iters': 2 for stage in range(4)},
            'train_cfg.rounds.labeller.flip': False,
        },
        41.7,
    ),
    Row('DA-VSN', 'davsn', CONFIG.format('davsn'), 22, SMOKE_ITERS, 47.8, 63.82),
    Row('I2VDA', 'i2vda', CONFIG.format('i2vda'), 22, {**SMOKE_ITERS, f'{PROXY}.launch': 3}, 51.2, 66.01),
)


def _table(number: int, about: str, rows: tuple[Row, ...], reference: str = 'full') -> Suite:
    return Suite(
        name=f'table{number}',
        title=f'Table {number}, {about}',
        rows=rows,
        world=WORLD,
        options=SAVING,
        init_options=SAVING,
        reference=reference,
        prepare_seconds=PREPARE_SECONDS,
    )


SUITES = {
    suite.name: suite
    for suite in (
        _table(1, 'methods', TABLE_1, reference='i2vda'),
        _table(3, 'the framework without one of its parts', TABLE_3),
        _table(4, 'the proxy network', TABLE_4),
        _table(5, 'hyper-parameters', TABLE_5),
        Suite(
            name='modern',
            title='Self-training, with and without the temporal part of I2VDA',
            rows=MODERN,
            world=WORLD,
            options=SAVING,
            init_options=SAVING,
            reference='i2vda',
            prepare_seconds=PREPARE_SECONDS,
        ),
        replace(
            _table(3, 'from ImageNet features', PRETRAINED),
            name='pretrained',
            init=f'{LITE0.format("source_only")[:-3]}-init.py',
        ),
        replace(
            _table(1, 'methods, with all checkpoints kept for benchmarks/selection.py', TABLE_1, reference='i2vda'),
            name='selection',
            options=SAVING | {'default_hooks.checkpoint.max_keep_ckpts': -1},
        ),
        Suite(
            name='smoke',
            title='Smoke test, whose figures mean nothing',
            rows=SMOKE,
            world=SMOKE_WORLD,
            options={'default_hooks.checkpoint.interval': 3, 'default_hooks.logger.interval': 2},
            init_options={'train_cfg.max_iters': 6, 'default_hooks.checkpoint.interval': 3},
            seeds=(3,),
            prepare_seconds=25,
        ),
    )
}
