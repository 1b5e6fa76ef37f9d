import pytest

from i2vda_mmseg.engine.loops import Stage, stages_in, stages_of

CONFIG = dict(
    batch_size=2,
    sampler=dict(type='DomainPairSampler'),
    dataset=dict(
        type='DomainPairDataset',
        source=dict(type='ViperDataset', data_root='viper', pipeline=[dict(type='LoadImage')]),
        target=dict(type='CityscapesSeqDataset', data_root='cityscapes', split='train', pipeline=[1]),
    ),
)


def test_stages_follow_each_other():
    stages = stages_of([dict(iters=5), dict(iters=3, restart=True), dict(iters=2)])
    assert [(stage.index, stage.begin, stage.end) for stage in stages] == [(0, 0, 5), (1, 5, 8), (2, 8, 10)]
    assert [stage.restart for stage in stages] == [False, True, False]
    assert [(s.begin, s.end) for s in stages_of([dict(iters=5), dict(iters=3)], max_iters=6)] == [(0, 5), (5, 6)]
    assert [(s.begin, s.end) for s in stages_of([dict(iters=5), dict(iters=3)], max_iters=5)] == [(0, 5)]


def test_a_loop_without_stages_is_one():
    assert stages_in(dict(max_iters=7)) == [Stage(0, 0, 7)]
    assert stages_in(dict(stages=[dict(iters=5), dict(iters=3)], max_iters=6)) == [Stage(0, 0, 5), Stage(1, 5, 6)]


def test_rounds_share_what_they_do_not_change():
    rounds = dict(lr_factor=0.5, labeller=dict(type='Any', flip=True, portion=0.1))
    first, second, third = stages_of(
        [dict(iters=1), dict(iters=1, labeller=dict(portion=0.2)), dict(iters=1, lr_factor=0.1, labeller={})], rounds
    )
    assert (first.labeller, first.lr_factor) == (None, 1.0)
    assert (second.labeller, second.lr_factor) == (dict(type='Any', flip=True, portion=0.2), 0.5)
    assert (third.labeller, third.lr_factor) == (dict(type='Any', flip=True, portion=0.1), 0.1)


def test_the_data_of_a_stage():
    (stage,) = stages_of(
        [
            dict(
                iters=1,
                labeller=dict(type='Any'),
                sampler=dict(source_share=0.1),
                dataset=dict(target=dict(split='val', pipeline=[dict(scale=(3, 4))]), source=dict(type='Other', n=1)),
            )
        ]
    )
    changed = stage.dataloader(CONFIG, '/labels')
    assert changed['batch_size'] == 2
    assert changed['sampler'] == dict(type='DomainPairSampler', source_share=0.1)
    assert changed['dataset']['source'] == dict(type='Other', n=1)
    target = dict(data_root='cityscapes', split='val', pipeline=[dict(scale=(3, 4))], pseudo_label_root='/labels')
    assert changed['dataset']['target'] == dict(type='CityscapesSeqDataset', **target)
    assert CONFIG['dataset']['target']['split'] == 'train'


def test_the_target_in_place_of_the_source():
    (stage,) = stages_of(
        [
            dict(
                iters=1,
                labeller=dict(type='Any'),
                target_as_source=True,
                dataset=dict(source=dict(ann_file='{labels}/easy.txt'), target=dict(ann_file='{labels}/hard.txt')),
            )
        ]
    )
    dataset = stage.dataloader(CONFIG, '/labels')['dataset']
    shared = CONFIG['dataset']['target'] | dict(pseudo_label_root='/labels')
    assert dataset['source'] == shared | dict(ann_file='/labels/easy.txt')
    assert dataset['target'] == shared | dict(ann_file='/labels/hard.txt')


@pytest.mark.parametrize(
    ('stages', 'max_iters', 'message'),
    [
        ([], None, 'stages is empty'),
        ([dict(iters=1), dict(restart=True)], None, r'stages\.1\.iters must be a whole number'),
        ([dict(iters=0)], None, r'stages\.0\.iters .* got 0'),
        ([dict(iters=1, labeler={})], None, r"stages\.0 has unknown keys \['labeler'\]; known are .*'labeller'"),
        ([dict(iters=4)], 5, 'max_iters is 5, but the stages have 4'),
    ],
)
def test_wrong_stages_are_refused(stages, max_iters, message):
    with pytest.raises(ValueError, match=message):
        stages_of(stages, max_iters=max_iters)
