from i2vda_mmseg.reporting.figures import fact_rows, figure_tables


def rows_of(table):
    return {row.name: row for row in table.rows}


def test_numbers_keep_their_table_and_stand_in_one_row():
    first = {'protocol': 'viper15', 'aAcc': 80.0, 'mIoU': 52.0, 'IoU': {'road': 88.0, 'bus': None}, 'TC_pairs': 40}
    second = {'protocol': 'viper15', 'mIoU': 55.0, 'TC': 0.66, 'IoU': {'road': 80.0, 'sky': 90.0}}
    singles, iou = figure_tables([first, second, None])
    assert list(rows_of(singles))[:1] == ['mIoU']  # whatever else there is
    assert rows_of(singles)['mIoU'].shown == ['52.0', '55.0', '\N{EN DASH}']
    assert rows_of(singles)['TC'].shown[1] == '66.0'
    assert rows_of(singles)['TC_pairs'].shown[0] == '40'
    assert rows_of(singles)['TC_pairs'].full is None
    assert iou.title == 'IoU by class ↑'
    assert rows_of(iou)['bus'].values == [None, None, None]


def test_everything_is_in_percent_and_bars_are_full_at_a_hundred():
    metrics = {'mIoU': 0.4, 'flicker': 0.02, 'IoU': {'road': 0.4}, 'TC_IoU': {'road': 0.4}, 'TC_pairs': 1}
    singles, iou, temporal = figure_tables([metrics])
    assert rows_of(singles)['mIoU'].full == rows_of(iou)['road'].full == 100
    assert rows_of(singles)['flicker'].full == rows_of(temporal)['road'].full == 1
    shown = {name: row.shown[0] for name, row in rows_of(singles).items()}
    assert shown == {'mIoU': '0.4', 'flicker': '2.0', 'TC_pairs': '1'}
    assert (rows_of(iou)['road'].shown, rows_of(temporal)['road'].shown) == (['0.4'], ['40.0'])


def test_arrows_say_which_way_is_better_and_sentences_what_a_figure_is():
    (table,) = figure_tables([{'flicker': 0.1, 'mIoU': 50.0, 'TC': 0.5, 'TC_pairs': 9, 'odd': 3.0}])
    arrows = {name: row.arrow for name, row in rows_of(table).items()}
    assert arrows == {'mIoU': '↑', 'TC': '↑', 'flicker': '↓', 'TC_pairs': '', 'odd': ''}
    assert all(row.sentence.endswith('.') for name, row in rows_of(table).items() if name != 'odd')


def test_an_interval_stands_with_its_figure_in_percent():
    first = {'mIoU': 50.0, 'TC': 0.6, 'mIoU_interval': {'low': 48.0, 'high': 52.25, 'clips': 60},
             'TC_interval': {'low': 0.5, 'high': 0.75, 'clips': 60}}  # fmt: skip
    (table,) = figure_tables([first, {'mIoU': 40.0, 'mIoU_interval': [1, 2]}, None])
    assert rows_of(table)['mIoU'].intervals == ['48.0 to 52.2', '', '']
    assert rows_of(table)['TC'].intervals[0] == '50.0 to 75.0'


def test_only_what_is_supported_is_the_best():
    metrics = [{'mIoU': 10.0, 'IoU': {'road': 5.0}}, {'mIoU': 50.0, 'IoU': {'road': 9.0}}]
    leads = {('IoU', 'road'): [False, True]}
    singles, iou = figure_tables(metrics, leads)
    assert rows_of(singles)['mIoU'].best == [False, False]
    assert rows_of(iou)['road'].best == [False, True]


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
