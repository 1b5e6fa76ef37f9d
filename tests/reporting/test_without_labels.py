"""Figures of videos and the choice of a checkpoint reach the page."""

import json
import re

import pytest

from i2vda_mmseg.reporting import ReportOptions, build_report
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.reporting.without_labels import Unlabelled, read_unlabelled, unlabelled_facts, video_table

NO_PICTURES = ReportOptions(samples=0, max_frames=0)


def video(source='in/drive.mp4', checkpoint='iter_40.pth', tc=0.75, **more):
    return dict(source=source, checkpoint=checkpoint, TC=tc, flicker=0.0625, pairs=9, clips=1, protocol='yard') | more


SELECTION = dict(
    checkpoints=[
        dict(checkpoint='iter_20.pth', mean_rank=1.5, rank=1),
        dict(checkpoint='iter_40.pth', mean_rank=1.25, rank=2),
    ],
    chosen='iter_40.pth',
    ranked_by=['entropy', 'tc'],
)


def fill(folder, videos=None, selection=None):
    folder.mkdir(exist_ok=True)
    if videos is not None:
        (folder / 'video.json').write_text(json.dumps(videos))
    if selection is not None:
        (folder / 'selection.json').write_text(json.dumps(selection))
    return folder


def test_a_run_without_metrics_has_its_figures_on_the_page(tmp_path):
    folder = fill(tmp_path / 'run', [video(), video('in/rain.mp4', tc=0.5)], SELECTION)
    page = build_report([folder], tmp_path / 'report.html', NO_PICTURES).read_text()
    text = ' '.join(re.sub(r'<[^>]+>', ' ', page.partition('<section id="curves">')[0]).split())
    for part in (
        'TC 50.0 % · flicker 6.2 %',  # of the last video, beside the name of the run
        'drive. mp4: TC ↑ 75.0', 'drive. mp4: flicker ↓ 6.2', 'rain. mp4: TC ↑ 50.0',
        'drive.mp4: pairs 9', 'drive.mp4: protocol yard',
        'chosen without labels iter_ 40. pth', 'mean rank 1.25', 'ranked by entropy, tc', 'of checkpoints 2',
    ):  # fmt: skip
        assert part.replace(' ', '') in text.replace(' ', ''), part
    assert 'No run has a metrics.json with figures' not in text


def test_what_was_measured_last_of_a_video_counts(tmp_path):
    folder = fill(tmp_path / 'run', [video(tc=0.5), video('other.mp4'), video('elsewhere/drive.mp4', 'b.pth', tc=0.9)])
    found = read_run(folder).unlabelled
    assert list(found.videos) == ['other.mp4', 'drive.mp4']
    assert found.videos['drive.mp4']['TC'] == 0.9


def test_runs_are_laid_side_by_side_and_none_is_the_best():
    runs = [
        Unlabelled({'a.mp4': video(tc=0.5)}, None),
        Unlabelled({}, None),
        Unlabelled({'a.mp4': video(tc=0.9)}, None),
    ]
    (table,) = video_table(runs)
    tc = table.rows[0]
    assert (tc.values, tc.shown) == ([0.5, None, 0.9], ['50.0', '\N{EN DASH}', '90.0'])
    assert tc.best == [False] * 3
    assert video_table([Unlabelled({}, None)]) == []
    assert unlabelled_facts([Unlabelled({}, None)]) == []


def test_a_run_of_which_all_checkpoints_are_excluded_says_so():
    facts = unlabelled_facts([Unlabelled({}, SELECTION | dict(chosen=None))])
    assert facts[0].values == ['none: all are excluded']


@pytest.mark.parametrize(
    ('name', 'content', 'said'),
    [
        ('video.json', '[', 'no figures of videos: video.json is no JSON (Expecting value'),
        ('video.json', '{}', 'no figures of videos: video.json does not hold what the tools write'),
        ('selection.json', '[1]', 'no chosen checkpoint: selection.json does not hold what the tools write'),
        ('selection.json', '[' * 99_999, 'no chosen checkpoint: selection.json is no JSON (it is nested too deeply)'),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    missing = []
    read_unlabelled(tmp_path, missing)
    assert missing[0].startswith(said)
    build_report([tmp_path], tmp_path / 'report.html', NO_PICTURES)


@pytest.mark.parametrize('odd', [[1, None, {}], [dict(source=3)], [video(TC='high', flicker=None, pairs=[1])]])
def test_odd_rows_cost_only_themselves(tmp_path, odd):
    selection = dict(checkpoints=[3, {'checkpoint': None}], chosen=7, ranked_by=5)
    folder = fill(tmp_path / 'run', [*odd, video('fine.mp4')], selection)
    assert 'fine.<wbr>mp4: TC' in build_report([folder], tmp_path / 'report.html', NO_PICTURES).read_text()
