"""How a config measures temporal consistency, for frames that no data set describes."""

from mmengine.config import Config
from mmseg.registry import METRICS

from i2vda_mmseg.engine.frame_predictor import read_metainfo
from i2vda_mmseg.evaluation import TemporalConsistency

from .protocol import find_protocol


def tc_metric(config: Config, device: str = 'cpu') -> TemporalConsistency:
    """Build the ``tc_evaluator`` of a config; where there is none, preset ``clean`` along DIS flow.

    Args:
        config: Its test names the protocol whose reported classes the mean is over, if ``tc_evaluator`` does not.
        device: Where the flow estimator runs.

    Raises:
        ValueError: If the evaluator needs what raw frames do not have: a flow cache's keys, or logits.
    """
    found = config.get('tc_evaluator') or dict(type='TemporalConsistency')
    evaluator = {**found, 'protocol': found.get('protocol') or find_protocol(config)}
    metric: TemporalConsistency = METRICS.build(evaluator)
    if hasattr(metric.flow_estimator, 'cache'):
        raise ValueError(
            'tc_evaluator.flow_estimator is a flow cache, which knows the frames of a data set only; give the config '
            "tc_evaluator.flow_estimator=dict(type='DISFlow')"
        )
    if metric.switches.warping == 'probs':
        raise ValueError("tc_evaluator.warping='probs' compares logits, but of a video labels are kept; use 'nearest'")
    metric.dataset_meta = read_metainfo(config.test_dataloader.dataset)
    metric.flow_estimator.to(device)
    return metric
