"""Where each equation of the I2VDA paper stands in the code: the table of docs/equations.md."""

from importlib import import_module

from docs.results import grid

# equation, what it says, public names that compute it, tests whose oracle is independent of them
EQUATIONS = (
    ('1', 'F_01 = F(I_0, I_1), F_10 = F(I_1, I_0)', ('flow.FlowEstimator', 'flow.MMFlow', 'flow.DISFlow'), 'flow/'),
    (
        '2, 3',
        'I_t = alpha W(I_0, t F_10) + (1 - alpha) W(I_1, (1 - t) F_01)',
        ('ops.interpolate_frame', 'ops.warp', 'datasets.TemporalAugmentation'),
        'ops/test_interpolation.py',
    ),
    ('4', 'P_1^W = softmax W(logits_t, F_1t)', ('ops.warp', 'models.segmentors.I2VDA'), 'ops/test_warp.py'),
    ('5', 'F_1t = F(I_1, I_t)', ('flow.FlowEstimator', 'models.segmentors.I2VDA'), 'end_to_end/test_temporal.py'),
    ('6', 'E = -1/log C sum_k p_k log p_k', ('ops.normalized_entropy',), 'ops/test_entropy.py'),
    ('7', 'O = |W(F_01, F_10) + F_10| < eta', ('ops.consistency_mask',), 'ops/test_consistency.py'),
    ('8', "PL = argmax p'_1 where E < delta and O", ('models.heads.OcclusionAwarePseudoLabelHead',), 'models/heads/'),
    ('9', 'L_tc = CE(P_1^W, PL)', ('models.segmentors.I2VDA',), 'equations.py'),
    ('10', 'L_seg = CE(p_s, y_s)', ('models.segmentors.SourceOnly', 'models.segmentors.I2VDA'), 'equations.py'),
    (
        '11',
        'L_adv = l(D(p_0), 0) + l(D(p_t), 0)',
        ('models.losses.LeastSquaresLoss', 'models.segmentors.AdversarialSegmentor'),
        'equations.py',
    ),
    (
        '12',
        'L_d = l(D(p_s), 0) + l(D(p_0), 1) / 2 + l(D(p_t), 1) / 2',
        ('models.discriminators.FCDiscriminator', 'models.segmentors.AdversarialSegmentor'),
        'equations.py',
    ),
    (
        'Algorithm 1',
        "M' <- M every ITER_COPY; L_tc from ITER_LAUNCH",
        ('engine.hooks.ProxyCopyHook', 'engine.hooks.LaunchHook'),
        'engine/hooks/',
    ),
    ('mIoU', 'one confusion over the set', ('evaluation.DomainIoUMetric',), 'evaluation/test_domain_iou_metric.py'),
    ('TC', 'mIoU of a frame and the next one, warped', ('evaluation.TemporalConsistency',), 'evaluation/'),
)


def equation_table() -> str:
    """Lay out an equation a row.

    Raises:
        AttributeError: If a name is no longer there.
    """
    rows = []
    for number, formula, names, tests in EQUATIONS:
        links = []
        for name in names:
            room, _, public = name.rpartition('.')
            getattr(import_module(f'i2vda_mmseg.{room}'), public)
            links.append(f'`{name}`')
        rows.append([number, f'`{formula}`', ', '.join(links), f'`tests/{tests}`'])
    return grid(['equation', 'says', 'where, below `i2vda_mmseg`', 'tested by'], rows, numbers=False)
