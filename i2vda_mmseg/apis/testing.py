"""How a config is tested: under which protocol, and for temporal consistency, of its data or of other frames."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmseg.registry import DATASETS, METRICS

from i2vda_mmseg.datasets import CityscapesClipDataset
from i2vda_mmseg.engine.frame_predictor import find_test_dataset, read_metainfo
from i2vda_mmseg.engine.loops.clip_test_loop import clip_dataloader
from i2vda_mmseg.evaluation import (
    ClipCounts,
    DomainIoUMetric,
    Switches,
    TemporalConsistency,
    choose_switches,
    intervals,
)
from i2vda_mmseg.evaluation.protocols import PROTOCOLS, protocol_named
from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.fingerprint import describe_estimator

from .config_flow import suits_workers, training_estimator
from .config_keys import arguments_of


def protocol_of(config: Config) -> str | None:
    """Name of the protocol of the config's test, or None."""
    return next((evaluator.protocol for evaluator in _test_evaluators(config) if 'protocol' in evaluator), None)


def use_protocol(config: Config, name: str) -> None:
    """Test under another protocol: the data set's label ids and the metric change together.

    Args:
        config: Changed in place; its test data have a ``class_space``, as ``CityscapesSeqDataset`` has.
        name: A name of ``PROTOCOLS``.

    Raises:
        ValueError: If there is no such protocol, the network has other classes, or the config has no protocol, or data
            without a class space.
    """
    protocol, current = protocol_named(name), protocol_of(config)
    if current is None:
        raise ValueError(f'{config.filename} has no metric with a protocol; set test_evaluator.type=DomainIoUMetric')
    if PROTOCOLS[current].classes != protocol.classes:
        raise ValueError(
            f'a network of protocol {current!r} predicts {PROTOCOLS[current].trained} classes, but {name!r} is about '
            f'{protocol.trained} others: {", ".join(protocol.classes)}; train one for it'
        )
    dataset = config.test_dataloader.dataset
    if 'class_space' not in arguments_of(DATASETS.get(dataset.type))[0]:
        raise ValueError(
            f'test_dataloader.dataset.type: the labels of {dataset.type} have no other class space than their own; a '
            'protocol other than that of the config is for the data sets of this package, such as CityscapesSeqDataset'
        )
    dataset.class_space = protocol.class_space
    for evaluator in _test_evaluators(config):
        if 'protocol' in evaluator:
            evaluator.protocol = name


def protocol_facts(name: str | None, checkpoint: str) -> dict[str, Any]:
    """What ``metrics.json`` says of the protocol, and whether the run's ``last_checkpoint`` names the tested one."""
    rule = PROTOCOLS[name].snapshot if name in PROTOCOLS else None
    note = Path(checkpoint).parent / 'last_checkpoint'
    last = Path(note.read_text(encoding='utf-8').strip()).name if note.is_file() else None
    is_last = None if last is None else last == Path(checkpoint).name
    return dict(protocol=name, snapshot_rule=rule, is_last_checkpoint=is_last)


def clip_counts(runner: Runner) -> dict[str, ClipCounts]:
    """What the metrics of a finished test counted on each clip, by figure: ``mIoU`` and maybe ``TC``."""
    loop = runner.test_loop
    evaluators = [loop.evaluator, *filter(None, [getattr(loop, 'clip_evaluator', None)])]
    named = {DomainIoUMetric: 'mIoU', TemporalConsistency: 'TC'}
    metrics = [metric for evaluator in evaluators for metric in evaluator.metrics if type(metric) in named]
    return {named[type(metric)]: metric.clip_counts for metric in metrics if metric.clip_counts is not None}


def interval_figures(counts: Mapping[str, ClipCounts]) -> dict[str, float]:
    """Intervals of a test's figures over its clips, in the units of the figures, for ``write_metrics``.

    ``mIoU_interval`` is in percent, ``TC_interval`` and ``flicker_interval`` are in 0..1; each holds ``low``, ``high``
    and ``clips``. None for fewer than 10 clips.
    """
    figures: dict[str, float] = {}
    for figure, found in counts.items():
        names = dict(mean=figure, flicker='flicker')
        unit = 100.0 if figure == 'mIoU' else 1.0
        for part, (low, high) in intervals(found).items():
            bounds = dict(low=unit * low, high=unit * high, clips=len(found.clips))
            figures |= {f'{names[part]}_interval/{name}': value for name, value in bounds.items()}
    return figures


def add_temporal_consistency(
    config: Config, preset: str | None = None, clip_list: str | None = None, flow: str = 'config'
) -> None:
    """Let the config's test measure temporal consistency as well.

    The clips are those of ``tc_dataloader``, or else those around the labelled frames of ``test_dataloader``, read
    through the same pipeline without its labels. The metric is ``tc_evaluator``. Flow that a CPU estimates or that is
    read from a cache is made in the data workers.

    Args:
        config: Changed in place.
        preset: One of ``TC_PRESETS`` in place of that of ``tc_evaluator``.
        clip_list: Text file of the clips to take, see ``CityscapesClipDataset``.
        flow: 'config': the estimator of ``tc_evaluator``. 'model': that of the model, ``model.flow_estimator`` for
            I2VDA. Else the folder of a flow cache.

    Raises:
        ValueError: If the test data has no clips, or the config no such estimator.
    """
    evaluator = _tc_evaluator(config)
    evaluator['flow_estimator'] = _flow_estimator(config, evaluator, flow)
    if preset is not None:
        evaluator['preset'] = preset
    evaluator.setdefault('protocol', protocol_of(config))
    loader = _clip_loader(config, clip_list)
    _move_flow_to_workers(loader['dataset'], evaluator)
    clips = dict(type='ClipTestLoop', clip_dataloader=loader, clip_evaluator=evaluator)
    config.test_cfg = dict(config.get('test_cfg') or {}, **clips)


def clip_pairs(config: Config, clip_list: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configs of a data set of pairs of consecutive frames, at the size of TC's flow, and of the ``FlowEstimator``."""
    evaluator = _tc_evaluator(config)
    dataset = _clip_loader(config, clip_list)['dataset']
    size = evaluator.get('flow_size')
    pipeline: list[dict[str, Any]] = [dict(type='LoadFramePair'), dict(type='PackFramePair')]
    if size:
        resize = dict(type='Resize', scale=(size[1], size[0]), keep_ratio=False, interpolation='area')
        both = dict(type='TransformBroadcaster', mapping=dict(img=['frame_0', 'frame_1']), auto_remap=True)
        pipeline.insert(1, both | dict(share_random_params=True, transforms=[resize]))
    dataset.update(pairs='consecutive', previous_frame=False, pipeline=pipeline)
    return dataset, evaluator['flow_estimator']


def tc_facts(config: Config) -> dict[str, Any]:
    """What the figures of temporal consistency are about, for ``metrics.json``."""
    evaluator = config.test_cfg['clip_evaluator']
    estimator = evaluator['flow_estimator']
    described = describe_estimator(estimator)
    if estimator['type'] == 'CachedFlow':
        described['cached'] = FlowCache(estimator['root']).estimator
    return dict(
        TC_preset=evaluator.get('preset', 'clean'),
        TC_switches=_switches(evaluator)._asdict(),
        TC_flow=described,
        TC_flow_size=_flow_size(evaluator),
        TC_clip_list=config.test_cfg['clip_dataloader']['dataset'].get('clip_list') or None,
    )


def tc_metric(config: Config, device: str = 'cpu') -> TemporalConsistency:
    """Build the ``tc_evaluator`` of a config; where there is none, preset ``clean`` along DIS flow.

    Args:
        config: Its test names the protocol whose reported classes the mean is over, if ``tc_evaluator`` does not.
        device: Where the flow estimator runs.

    Raises:
        ValueError: If the evaluator needs what raw frames do not have: a flow cache's keys, or logits.
    """
    evaluator = _tc_evaluator(config)
    evaluator['protocol'] = evaluator.get('protocol') or protocol_of(config)
    metric: TemporalConsistency = METRICS.build(evaluator)
    if hasattr(metric.flow_estimator, 'cache'):
        raise ValueError(
            'tc_evaluator.flow_estimator is a flow cache, which knows the frames of a data set only; give the config '
            "tc_evaluator.flow_estimator=dict(type='DISFlow')"
        )
    if metric.switches.warping == 'probs':
        raise ValueError("tc_evaluator.warping='probs' compares logits, but of a video labels are kept; use 'nearest'")
    metric.dataset_meta = read_metainfo(find_test_dataset(config))
    metric.flow_estimator.to(device)
    return metric


def _test_evaluators(config: Config) -> list[Any]:
    found = config.get('test_evaluator') or config.get('val_evaluator') or []
    return [found] if isinstance(found, dict) else list(found)


def _tc_evaluator(config: Config) -> dict[str, Any]:
    found = config.get('tc_evaluator')
    evaluator = dict(type='TemporalConsistency') if found is None else found.to_dict()
    evaluator.setdefault('flow_estimator', dict(type='DISFlow'))
    return evaluator


def _clip_loader(config: Config, clip_list: str | None) -> dict[str, Any]:
    found = config.get('tc_dataloader')
    loader = clip_dataloader(config) if found is None else found.to_dict()
    if clip_list is not None:
        loader['dataset']['clip_list'] = clip_list
    return loader


def _move_flow_to_workers(dataset: dict[str, Any], evaluator: dict[str, Any]) -> None:
    """Let the data set of clips make the flow that the metric would make, where a CPU makes it."""
    estimator, switches = evaluator['flow_estimator'], _switches(evaluator)
    kind = DATASETS.get(dataset['type'])
    takes_flow = isinstance(kind, type) and issubclass(kind, CityscapesClipDataset)
    if not takes_flow or not suits_workers(estimator) or switches.flow_input != 'rgb255':
        return
    flows = ['01'] if switches.mask == 'none' else ['01', '10']
    step = dict(type='ClipFlow', estimator=estimator, size=_flow_size(evaluator), flows=flows)
    dataset.setdefault('flow', step)


def _switches(evaluator: Mapping[str, Any]) -> Switches:
    chosen = {name: evaluator.get(name) for name in Switches._fields}
    return choose_switches(evaluator.get('preset', 'clean'), **chosen)


def _flow_size(evaluator: Mapping[str, Any]) -> tuple[int, int] | None:
    estimator, size = evaluator['flow_estimator'], evaluator.get('flow_size')
    return FlowCache(estimator['root']).size if size is None and estimator['type'] == 'CachedFlow' else size


def _flow_estimator(config: Config, evaluator: dict[str, Any], flow: str) -> dict[str, Any]:
    if flow == 'config':
        return evaluator['flow_estimator']
    if flow != 'model':
        if not Path(flow).is_dir():
            raise ValueError(f"flow must be 'config', 'model' or the folder of a flow cache, but there is no {flow}")
        return dict(type='CachedFlow', root=flow)
    estimator = training_estimator(config)
    if estimator is None:
        raise ValueError(f"the model of {config.filename} has no flow_estimator; use that of tc_evaluator ('config')")
    return ConfigDict(estimator).to_dict()
