"""What was compared: when, on which data, how long it took and where the trainings started."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mmengine.config import Config

from .figures import is_number
from .paths import shorten, shorten_apart
from .run_record import RunRecord
from .scalars import Scalars

About = list[tuple[str, str]]


def about_runs(runs: Sequence[RunRecord]) -> About:
    """Give what is known as ``(question, answer)``; an answer that differs names the runs."""
    questions: dict[str, list[str | None]] = {
        'Trained': [_trained(run) for run in runs],
        'Tested': [_tested(run) for run in runs],
        'Source': [_data(run.config, 'source') for run in runs],
        'Target': [_data(run.config, 'target') for run in runs],
        'Test set': [_test_set(run) for run in runs],
        'Training time': [_duration(run.train) for run in runs],
        'Threads': [_threads(run.metrics or {}) for run in runs],
        'Start': [_start(run) for run in runs],
    }
    if len(runs) > 1 and len(set(questions['Start'])) == 1:
        questions['Shared start'] = questions.pop('Start')
    return [(question, text) for question, answers in questions.items() if (text := _together(runs, answers))]


def _together(runs: Sequence[RunRecord], answers: Sequence[str | None]) -> str:
    known = {answer for answer in answers if answer is not None}
    if len(known) == 1 and None not in answers:
        return shorten(known.pop())
    return '; '.join(f'{run.name}: {text}' for run, text in zip(runs, shorten_apart(answers)) if text is not None)


def _tested(run: RunRecord) -> str | None:
    date = (run.metrics or {}).get('date')
    return _day(date, '%Y-%m-%d') if isinstance(date, str) else None


def _trained(run: RunRecord) -> str | None:
    return None if run.started is None else _day(run.started, '%Y%m%d_%H%M%S')


def _day(text: str, form: str) -> str | None:
    try:
        date = datetime.strptime(text, form)
    except ValueError:
        return None
    return f'{date.day} {date:%B %Y}'


def _data(config: Config | None, side: str) -> str | None:
    loader = (config or {}).get('train_dataloader')
    dataset = loader.get('dataset') if isinstance(loader, Mapping) else None
    return _named(dataset.get(side)) if isinstance(dataset, Mapping) else None


def _named(dataset: Any) -> str | None:
    if not isinstance(dataset, Mapping) or not isinstance(dataset.get('type'), str):
        return None
    root = dataset.get('data_root') or dataset.get('source')
    return f'{root} ({dataset["type"]})' if isinstance(root, str) and root else dataset['type']


def _test_set(run: RunRecord) -> str | None:
    metrics = run.metrics or {}
    parts = [f'protocol {metrics["protocol"]}'] if metrics.get('protocol') else []
    if isinstance(metrics.get('labelled_frames'), int):
        parts.append(f'{metrics["labelled_frames"]} labelled frames')
    if isinstance(metrics.get('TC_pairs'), int) and isinstance(metrics.get('TC_clips'), int):
        parts.append(f'{metrics["TC_pairs"]} pairs of {metrics["TC_clips"]} clips')
    return ', '.join(parts) or None


def _duration(train: Scalars) -> str | None:
    """Seconds of all iterations, from the mean that was logged for each stretch of them."""
    seconds, before = 0.0, 0
    for step, mean in sorted(train.get('time', {}).items()):
        seconds += mean * (step - before)
        before = step
    if not seconds:
        return None
    hours, rest = divmod(round(seconds), 3600)
    return f'{hours} h {rest // 60} min' if hours else f'{rest // 60} min {rest % 60} s'


def _threads(metrics: Mapping[str, Any]) -> str | None:
    threads = metrics.get('threads')
    return str(threads) if is_number(threads) else None


def _start(run: RunRecord) -> str | None:
    if run.config is None:
        return None
    if run.loaded_from:
        return run.loaded_from  # whole: files of one name may lie in several folders
    model = run.config.get('model')
    segmentor = (model.get('segmentor') or model) if isinstance(model, Mapping) else {}
    backbone = segmentor.get('backbone') if isinstance(segmentor, Mapping) else None
    init = backbone.get('init_cfg') if isinstance(backbone, Mapping) else None
    checkpoint = init.get('checkpoint') if isinstance(init, Mapping) else None
    return str(checkpoint) if checkpoint else 'random weights'
