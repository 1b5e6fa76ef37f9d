from mmengine.config import Config

from i2vda_mmseg.reporting.about import about_runs
from i2vda_mmseg.reporting.run_record import RunRecord, read_run


def run(name, data='/here/street', loaded_from='/w/init/iter_9.pth', **metrics):
    target = dict(type='CityscapesSeqDataset', data_root=f'{data}/cityscapes')
    config = Config(dict(train_dataloader=dict(dataset=dict(source=dict(type='ViperDataset'), target=target))))
    train = {'time': {10: 0.5, 30: 2.0}}
    return RunRecord(name, None, metrics, train, {}, config, {}, [], started='20260103_101010', loaded_from=loaded_from)


def test_what_runs_share_is_said_once():
    facts = dict(date='2026-01-04', protocol='viper15', labelled_frames=60, TC_pairs=120, TC_clips=60, threads=2)
    about = dict(about_runs([run('a', **facts), run('b', **facts)]))
    assert about == {
        'Trained': '3 January 2026',
        'Tested': '4 January 2026',
        'Source': 'ViperDataset',
        'Target': '…/street/cityscapes (CityscapesSeqDataset)',
        'Test set': 'protocol viper15, 60 labelled frames, 120 pairs of 60 clips',
        'Training time': '0 min 45 s',  # 10 iterations of half a second, 20 of two
        'Threads': '2',
        'Shared start': '…/init/iter_9.pth',
    }


def test_what_differs_names_the_runs_and_keeps_paths_apart():
    about = dict(about_runs([run('a', '/one/street'), run('b', '/two/street', loaded_from='')]))
    assert about['Target'] == (
        'a: …/one/street/cityscapes (CityscapesSeqDataset); b: …/two/street/cityscapes (CityscapesSeqDataset)'
    )
    assert about['Start'] == 'a: …/init/iter_9.pth; b: random weights'
    assert 'Shared start' not in about


def test_odd_facts_are_left_out():
    about = dict(about_runs([run('a', date='yesterday', threads='two', labelled_frames=None)]))
    assert not {'Tested', 'Threads', 'Test set'} & about.keys()
    assert about_runs([RunRecord('a', None, None, {}, {}, None, {}, [])]) == []


def test_starts_of_one_name_in_several_folders_are_not_shared():
    runs = [run(name, loaded_from=f'/w/{name}/init/iter_9.pth') for name in 'ab']
    about = dict(about_runs(runs))
    assert about['Start'] == 'a: …/a/init/iter_9.pth; b: …/b/init/iter_9.pth'
    assert 'Shared start' not in about


def test_the_start_is_that_of_the_run_before_it_was_resumed(tmp_path):
    for stamp, text in (
        ('20260101_000000', "load_from = 'old.pth'\nresume = False\n"),
        ('20260102_000000', "load_from = '/w/init/iter_9.pth'\nresume = False\n"),
        ('20260103_000000', "load_from = '/w/run/iter_20.pth'\nresume = True\n"),
        ('20260104_000000', "load_from = '/w/run/iter_40.pth'\n"),
    ):
        data = tmp_path / stamp / 'vis_data'
        data.mkdir(parents=True)
        (data / 'config.py').write_text(text)
        step = '' if stamp.startswith('20260104') else '{"loss": 1.0, "iter": 10, "step": 10}\n'  # a test alone
        (data / 'scalars.json').write_text(step)
    record = read_run(tmp_path)
    assert (record.started, record.loaded_from) == ('20260102_000000', '/w/init/iter_9.pth')
