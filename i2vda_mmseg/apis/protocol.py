"""A config under a named protocol, and what a figure's protocol says about its checkpoint."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from i2vda_mmseg.evaluation.protocols import PROTOCOLS, protocol_named


def protocol_of(config: Config) -> str | None:
    """Name of the protocol of the config's test, or None."""
    return next((evaluator.protocol for evaluator in _evaluators(config) if 'protocol' in evaluator), None)


def use_protocol(config: Config, name: str) -> None:
    """Test under another protocol: the data set's label ids and the metric change together.

    Args:
        config: Changed in place; its test data are ``CityscapesSeqDataset``.
        name: A name of ``PROTOCOLS``.

    Raises:
        ValueError: If there is no such protocol, the network has other classes, or the config has no protocol.
    """
    protocol, current = protocol_named(name), protocol_of(config)
    if current is None:
        raise ValueError(f'{config.filename} has no metric with a protocol; set test_evaluator.type=DomainIoUMetric')
    if PROTOCOLS[current].classes != protocol.classes:
        raise ValueError(
            f'a network of protocol {current!r} predicts {PROTOCOLS[current].trained} classes, but {name!r} is about '
            f'{protocol.trained} others: {", ".join(protocol.classes)}; train one for it'
        )
    config.test_dataloader.dataset.class_space = protocol.class_space
    for evaluator in _evaluators(config):
        if 'protocol' in evaluator:
            evaluator.protocol = name


def protocol_facts(name: str | None, checkpoint: str) -> dict[str, Any]:
    """What ``metrics.json`` says about the protocol.

    Returns:
        ``protocol``, its ``snapshot_rule``, and ``is_last_checkpoint``: whether the run's ``last_checkpoint`` names the
        tested one, None where there is no such file.
    """
    rule = PROTOCOLS[name].snapshot if name in PROTOCOLS else None
    note = Path(checkpoint).parent / 'last_checkpoint'
    last = Path(note.read_text(encoding='utf-8').strip()).name if note.is_file() else None
    is_last = None if last is None else last == Path(checkpoint).name
    return dict(protocol=name, snapshot_rule=rule, is_last_checkpoint=is_last)


def _evaluators(config: Config) -> list[Any]:
    found = config.get('test_evaluator') or config.get('val_evaluator') or []
    return [found] if isinstance(found, dict) else list(found)
