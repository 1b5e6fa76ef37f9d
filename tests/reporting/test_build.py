"""The page of two finished runs, and of runs that lack something."""

import json
import re
import runpy
import shutil
import sys
from html.parser import HTMLParser

import pytest

from i2vda_mmseg.reporting import ReportOptions, build_report

MAX_BYTES = 15_000_000


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.ids, self.text, self._inside = [], [], '', ''
        self.source = path.read_text(encoding='utf-8')
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == 'id']
        self._inside = tag if tag in ('script', 'style') else ''

    def handle_endtag(self, tag):
        self._inside = ''

    def handle_data(self, data):
        self.text += '' if self._inside else data


def numbers(tree):
    if isinstance(tree, dict):
        return [number for value in tree.values() for number in numbers(value)]
    return [tree] if isinstance(tree, (int, float)) and not isinstance(tree, bool) else []


def change_metrics(folder, **changes):
    path = folder / 'metrics.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def bold(page, figure):
    """Which runs' leads in a figure are bold."""
    row = re.search(rf'<th scope="row">{figure}(?: <span.*?)?</th>(.*?)</tr>', page.source, re.DOTALL).group(1)
    return [' best' in start for start in re.findall(r'<td class="([^"]*)"', row)]


@pytest.fixture(scope='module')
def page(two_runs, tmp_path_factory):
    path = build_report(two_runs, tmp_path_factory.mktemp('page') / 'report.html')
    assert path.stat().st_size < MAX_BYTES
    return Page(path)


def test_each_figure_of_each_metrics_file_is_shown(page, two_runs):
    exact = {float(attributes['value']) for tag, attributes in page.elements if tag == 'data'}
    for folder in two_runs:
        figures = json.loads((folder / 'metrics.json').read_text())
        switches = figures.pop('TC_switches')
        assert len(numbers(figures)) == 9
        assert set(numbers(figures)) <= exact
        assert f'{figures["mIoU"]:.1f}' in page.text
        assert f'{100 * figures["TC"]:.1f}' in page.text
        assert str(switches['eta']) in page.text
    assert page.text.count('viper15') >= 4  # the protocol, with each headline and among the facts


def test_nothing_is_missing_and_nothing_is_fetched(page):
    assert 'Not in this report' not in page.text
    links = [(tag, name, value) for tag, attributes in page.elements for name, value in attributes.items()
             if name in ('src', 'href', 'xlink:href', 'srcset', 'action')]  # fmt: skip
    assert {tag for tag, _, value in links if not value.startswith(('data:', '#'))} == set()
    assert not re.search(r'@import|url\((?!#)|fetch\(|XMLHttpRequest', re.sub(r'data:[^"]*', '', page.source))
    assert len(page.ids) == len(set(page.ids))


def test_every_part_is_there(page):
    for caption in ('Frame I', 'Synthesised I', 'Flow F', 'Validity mask O', 'Pseudo-label PL', 'Prediction',
                    'Errors: ', 'Flicker: ', 'Ground truth', 'mIoU of validation', 'Kept pseudo-labels', 'loss_seg',
                    'Python', 'model.pseudo_label_head.delta', '3.11.7', '2 January 2026', 'random weights',
                    'Flicker along the clip', '25 % of sidewalk taken for road', 'without a label'):  # fmt: skip
        assert caption in page.text, caption
    clip = json.loads(re.search(r'id="player-data">(.*?)</script>', page.source).group(1))
    assert len(clip['frames']) == len(clip['names']) == 3
    assert [(track['name'], len(track['uris'])) for track in clip['tracks']] == [('source_only', 3), ('i2vda', 3)]
    assert clip['tracks'][0]['uris'][0] != clip['tracks'][1]['uris'][0]


def test_no_path_of_this_machine_is_on_the_page(page, two_runs):
    assert str(two_runs[0].parent) not in page.source
    assert not re.search(r'(?<![\w.:/<])/(?:tmp|home|root|work)/', re.sub(r'data:image/[^"]*', '', page.source))
    assert '…/source_only/iter_40.pth' in page.text


def test_runs_are_called_as_asked(two_runs, tmp_path):
    options = FIGURES_ONLY._replace(names=['Source only', 'Ours'])
    page = Page(build_report(two_runs, tmp_path / 'report.html', options))
    assert page.text.count('Ours') > 3
    with pytest.raises(ValueError, match='1 work dirs, but 2 names: Source only, Ours'):
        build_report(two_runs[:1], tmp_path / 'report.html', options)


def test_the_same_runs_give_the_same_page(two_runs, page, tmp_path):
    again = build_report(two_runs, tmp_path / 'again.html')
    assert again.read_text() == page.source


def test_missing_parts_are_told_and_the_rest_is_shown(two_runs, tmp_path):
    bare = tmp_path / 'bare'
    bare.mkdir()
    moved = shutil.copytree(two_runs[1], tmp_path / 'moved')
    (moved / 'metrics.json').unlink()
    nowhere = {'val_dataloader.dataset.data_root': '/nowhere', 'test_dataloader.dataset.data_root': '/nowhere'}
    path = build_report([bare, moved, two_runs[0]], tmp_path / 'report.html', ReportOptions(cfg_options=nowhere))
    page = Page(path)
    assert 'no settings, samples and clip: there is no config in it' in page.text
    assert page.text.count('no figures: there is no metrics.json') == 2
    assert page.text.count('no samples: ') == 2
    assert 'There is no clip: no such folder: …/leftImg8bit_sequence/val' in page.text
    assert '50.1' in page.text
    assert 'loss_seg' in page.text


def test_a_damaged_checkpoint_costs_only_what_needs_it(two_runs, tmp_path):
    damaged = shutil.copytree(two_runs[0], tmp_path / 'damaged')
    change_metrics(damaged, checkpoint=str(damaged / 'iter_40.pth'))
    content = (damaged / 'iter_40.pth').read_bytes()
    (damaged / 'iter_40.pth').write_bytes(content[: len(content) // 2])
    page = Page(build_report([damaged, two_runs[1]], tmp_path / 'report.html', ReportOptions(samples=1, max_frames=2)))
    assert re.search(r'no samples: .*iter_40\.pth is damaged', page.text)
    assert re.search(r'no labels of the clip: .*iter_40\.pth is damaged', page.text)
    assert 'Validity mask O' in page.text
    assert '"name": "i2vda"' in page.source


FIGURES_ONLY = ReportOptions(samples=0, max_frames=0)
CHANGES = dict(
    same=(dict(), dict(mIoU=True, flicker=True, TC=True, road=True)),
    other_way=(dict(TC_preset='etc'), dict(mIoU=True, flicker=False, TC=False)),
    other_protocol=(dict(protocol='viper15-no-rider'), dict(mIoU=False, flicker=False, TC=False, road=False)),
)


@pytest.mark.parametrize('change', CHANGES)
def test_a_lead_is_bold_where_the_runs_may_be_compared(two_runs, count_clips, tmp_path, change):
    changes, marked = CHANGES[change]
    first, other = (shutil.copytree(run, tmp_path / run.name) for run in two_runs)
    count_clips(first, 0)
    count_clips(other, 2, changed=10)
    change_metrics(other, **changes)
    page = Page(build_report([first, other], tmp_path / 'report.html', FIGURES_ONLY))
    assert {name: bold(page, name) == [False, True] for name in marked} == marked
    assert all(any(bold(page, name)) == is_marked for name, is_marked in marked.items())
    assert ('40.2 to 50.8' in page.text, 'Differences' in page.text) == (True, 'protocol' not in changes)


def test_odd_metrics_cost_only_themselves(two_runs, tmp_path):
    odd = shutil.copytree(two_runs[1], tmp_path / 'odd')
    change_metrics(odd, versions=None, protocol=['viper15'], mIoU=float('nan'), IoU=dict(road=float('inf'), sky=2.5))
    other = shutil.copytree(two_runs[1], tmp_path / 'other')
    change_metrics(other, versions='2.13')
    page = Page(build_report([odd, other, two_runs[0]], tmp_path / 'report.html', FIGURES_ONLY))
    body = page.source.partition('<section id="files">')[0]
    assert not re.search(r'\b(nan|inf)\b', re.sub('<script.*?</script>|<style.*?</style>', '', body, flags=re.DOTALL))
    assert '50.1' in page.text


def test_samples_are_of_the_file_that_was_tested(two_runs, tmp_path):
    work_dir = shutil.copytree(two_runs[0], tmp_path / 'work_dir')
    (work_dir / 'iter_40.pth').write_bytes(b'of another training')
    tested = two_runs[0] / 'iter_40.pth'
    page = Page(build_report([work_dir], tmp_path / 'report.html', ReportOptions(samples=1, max_frames=0)))
    assert 'Prediction' in page.text
    said = f'work_dir: samples and clip are of …/{tested.parent.name}/{tested.name}, which was tested, and not of the'
    assert f'{said} other iter_40.pth' in page.text
    quiet = Page(build_report([work_dir], tmp_path / 'quiet.html', FIGURES_ONLY))
    assert 'samples and clip are of' not in quiet.text


def test_names_and_settings_are_only_text(make_run, tmp_path):
    evil = '<img src=x onerror=alert(1)>'
    folder = make_run(tmp_path / evil)
    config = folder / '20260102_030405/vis_data/config.py'
    config.write_text(config.read_text() + f'\nload_from = {"</script><script>alert(2)</script>"!r}\n')
    metrics = json.loads((folder / 'metrics.json').read_text())
    metrics['IoU'][evil] = 12.5
    metrics['note'] = '<script>alert(3)</script>'
    (folder / 'metrics.json').write_text(json.dumps(metrics))
    other = make_run(tmp_path / 'other')
    options = ReportOptions(title='<script>alert(4)</script>', samples=1, max_frames=1)
    page = Page(build_report([folder, other], tmp_path / 'report.html', options))
    assert not [attributes for tag, attributes in page.elements if 'onerror' in attributes]
    assert sum(tag == 'script' and 'type' not in attributes for tag, attributes in page.elements) == 1
    assert page.text.count(evil) >= 5
    assert '<script>alert(4)</script>' in page.text


def test_the_command_line(two_runs, tmp_path, monkeypatch, capsys, request):
    tool = str(request.config.rootpath / 'tools/report.py')
    out = tmp_path / 'new' / 'page.html'
    monkeypatch.setattr(sys, 'argv', ['report.py', str(two_runs[0]), '--out', str(out), '--max-frames', '0',
                                      '--samples', '0', '--device', 'cpu'])  # fmt: skip
    with pytest.raises(SystemExit) as left:
        runpy.run_path(tool, run_name='__main__')
    assert left.value.code == 0
    assert f'report: {out}' in capsys.readouterr().out
    assert Page(out).text.count('None was asked for.') == 1
    monkeypatch.setattr(sys, 'argv', ['report.py', str(tmp_path / 'nowhere'), '--out', str(out)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(tool, run_name='__main__')
    assert left.value.code == 1
    assert capsys.readouterr().err.strip() == f'report: there is no work dir {tmp_path / "nowhere"}'
