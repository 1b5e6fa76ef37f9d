"""Tables of README, docs and configs are what results/*.json and the configs say."""

import re

import pytest

from benchmarks.suites.suites import SUITES
from docs import results, tables, take
from docs.config_table import leaves
from docs.methods import card_folders, methods

FIGURE = re.compile(r'\**[+-]?\d+\.\d+( ± \d+\.\d+)?( %| s| ms)?\**')


@pytest.fixture(scope='module')
def generated():
    return tables.generated()


def test_every_page_is_what_the_results_say(generated):
    stale = [str(path.relative_to(results.ROOT)) for path, text in generated.items() if path.read_text() != text]
    assert stale == [], 'make tables'


def test_every_method_has_its_card(generated):
    assert {folder / 'README.md' for folder in card_folders()} <= set(generated)
    card = generated[results.ROOT / 'configs/i2vda/README.md']
    row = results.read('table1')['rows']['i2vda']
    assert f'| I2VDA | {row["mIoU"]["mean"]:.1f} ± {row["mIoU"]["deviation"]:.1f} |' in card


def test_every_config_has_its_row(generated):
    page = generated[results.ROOT / 'configs/README.md']
    missing = [path.stem for path in leaves() if f'{path.parent.name}/{path.stem}`' not in page]
    assert missing == []


def test_a_figure_changed_by_hand_is_put_right():
    page = (results.ROOT / 'docs/benchmarks.md').read_text()
    changed = page.replace('51.1 ± 0.8', '61.1 ± 0.8')
    assert changed != page
    assert tables.renewed(changed) == page


def test_figures_stand_in_generated_tables_only():
    by_hand = []
    pages = [
        results.ROOT / 'README.md',
        *(results.ROOT / 'docs').glob('*.md'),
        *(results.ROOT / 'configs').glob('*/*.md'),
    ]
    for page in pages:
        text = re.sub(r'<!-- begin .*?<!-- end [\w-]+ -->', '', page.read_text(), flags=re.DOTALL)
        for block in re.findall(r'(?:^\|.*\n)+', text, flags=re.MULTILINE):
            cells = [cell.strip() for cell in block.replace('\n', '').split('|')]
            if sum(bool(FIGURE.fullmatch(cell)) for cell in cells) >= 3 and 'written by: python -m docs' not in text:
                by_hand.append((page.name, block.splitlines()[0]))
    assert by_hand == []


def test_every_results_file_is_shown():
    read = set()
    original = results.read
    for name in tables.GENERATORS:
        with pytest.MonkeyPatch.context() as patch:
            for module in (tables, 'docs.methods'):
                patch.setattr(
                    f'{module if isinstance(module, str) else module.__name__}.read',
                    lambda n: read.add(n) or original(n),
                )
            if name != 'configs':
                tables.GENERATORS[name]()
    assert read == {path.stem for path in (results.ROOT / 'results').glob('*.json')}


def test_published_figures_are_those_of_the_suites():
    published = results.read('published')
    for name in ('table1', 'table3'):
        suite = {row.run: row for row in SUITES[name].rows}
        assert set(suite) == set(published[name]) == set(results.read(name)['rows'])
        for run, row in suite.items():
            assert (row.paper_miou, row.paper_tc) == (published[name][run]['mIoU'], published[name][run].get('TC'))
    for method in methods():
        if row := published['table1'].get(method['run']):
            assert row['mIoU'] == published['methods'][method['run']]['VIPER']


def suite_output(runs, seeds, revision='a' * 40):
    return dict(
        suite='table3',
        data_set='StreetWorld',
        seeds=seeds,
        results=[
            dict(
                run=run,
                seed=seed,
                git_revision=revision,
                metrics=dict(
                    mIoU=40.0 + i + 2 * seed, TC=0.5 + i / 100, flicker=0.1, protocol='viper15', TC_preset='clean'
                ),
            )
            for i, run in enumerate(runs)
            for seed in seeds
        ],
    )


def test_a_suite_is_condensed_to_means_deviations_and_differences():
    runs = [row.run for row in SUITES['table3'].rows]
    rows = take.summary(suite_output(runs, [3, 4, 5]), '2030-01-01')['rows']
    assert rows['adaptsegnet']['mIoU'] == dict(mean=48.0, deviation=2.0)  # 46, 48, 50
    assert rows['adaptsegnet']['mIoU_difference'] == dict(mean=-5.0, deviation=0.0)  # the sixth is the reference
    assert rows['full']['TC'] == dict(mean=55.0, deviation=0.0)
    assert rows['full']['by_seed']['4'] == dict(mIoU=53.0, TC=55.0, flicker=10.0)
    assert results.cell(rows['adaptsegnet']['mIoU_difference'], '+.1f') == '-5.0 ± 0.0'


def test_an_incomplete_or_mixed_suite_is_refused():
    runs = [row.run for row in SUITES['table3'].rows]
    with pytest.raises(ValueError, match=r'suite table3 is not complete: full, seed 3'):
        take.summary(suite_output(runs[:-1], [3]), '2030-01-01')
    mixed = suite_output(runs, [3])
    mixed['results'][0]['git_revision'] = 'b'
    with pytest.raises(ValueError, match=r'more than one revision: a+, b'):
        take.summary(mixed, '2030-01-01')
