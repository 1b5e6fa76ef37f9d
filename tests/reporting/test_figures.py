from i2vda_mmseg.reporting.figures import fact_rows, figure_tables


def rows_of(table):
    return {row.name: row for row in table.rows}


def test_numbers_keep_their_table_and_stand_in_one_row():
    first = {'protocol': 'viper15', 'aAcc': 80.0, 'mIoU': 52.0, 'IoU': {'road': 88.0, 'bus': None}, 'TC_pairs': 40}
    second = {'protocol': 'viper15', 'mIoU': 55.0, 'TC': 0.66, 'IoU': {'road': 80.0, 'sky': 90.0}}
    singles, iou = figure_tables([first, second, None])
    assert list(rows_of(singles))[:1] == ['mIoU']  # whatever else there is
    assert rows_of(singles)['mIoU'].shown == ['52.00', '55.00', '\N{EN DASH}']
    assert rows_of(singles)['mIoU'].best == [False, True, False]
    assert rows_of(singles)['TC'].shown[1] == '0.6600'
    assert rows_of(singles)['TC_pairs'].shown[0] == '40'
    assert rows_of(singles)['TC_pairs'].full is None
    assert iou.unit == 'percent'
    assert rows_of(iou)['road'].best == [True, False, False]
    assert rows_of(iou)['bus'].values == [None, None, None]


def test_bars_of_shares_are_full_at_one_and_of_percent_at_a_hundred():
    metrics = {'mIoU': 0.4, 'flicker': 0.02, 'IoU': {'road': 0.4}, 'TC_IoU': {'road': 0.4}}
    singles, iou, temporal = figure_tables([metrics])
    assert rows_of(singles)['mIoU'].full == rows_of(iou)['road'].full == 100
    assert rows_of(singles)['flicker'].full == rows_of(temporal)['road'].full == 1
    assert temporal.unit == 'share'


def test_less_flicker_is_better_and_equals_have_no_best():
    (table,) = figure_tables([{'flicker': 0.1, 'mIoU': 50.0}, {'flicker': 0.2, 'mIoU': 50.0}])
    assert rows_of(table)['flicker'].best == [True, False]
    assert rows_of(table)['mIoU'].best == [False, False]


def test_of_runs_that_cannot_be_compared_none_is_best():
    (table,) = figure_tables([{'mIoU': 10.0}, {'mIoU': 50.0}], comparable=False)
    assert table.rows[0].best == [False, False]


def test_temporal_consistency_measured_in_other_ways_has_no_best():
    first = {'mIoU': 50.0, 'TC': 0.6, 'flicker': 0.1, 'IoU': {'road': 50.0}, 'TC_IoU': {'road': 0.6}}
    second = {'mIoU': 60.0, 'TC': 0.9, 'flicker': 0.2, 'IoU': {'road': 60.0}, 'TC_IoU': {'road': 0.9}}
    for comparable, temporal in ((True, True), (True, False), (False, True), (False, False)):
        tables = figure_tables([first, second], comparable, temporal)
        best = {(table.name, row.name): any(row.best) for table in tables for row in table.rows}
        assert best == {
            ('', 'mIoU'): comparable,
            ('', 'TC'): comparable and temporal,
            ('', 'flicker'): comparable and temporal,
            ('IoU', 'road'): comparable,
            ('TC_IoU', 'road'): comparable and temporal,
        }


def test_facts_are_told_apart_from_figures():
    first = {
        'protocol': 'viper15',
        'mIoU': 1.0,
        'is_last_checkpoint': True,
        'TC_switches': {'eta': 1.0, 'mask': 'none'},
    }
    second = {'protocol': 'synthia11', 'is_last_checkpoint': True, 'versions': {'torch': '2'}}
    rows = {row.name: (row.values, row.differs) for row in fact_rows([first, second, None])}
    assert rows == {
        'protocol': (['viper15', 'synthia11', None], True),
        'is_last_checkpoint': (['True', 'True', None], False),
        'TC_switches.eta': (['1.0', None, None], True),
        'TC_switches.mask': (['none', None, None], True),
    }
