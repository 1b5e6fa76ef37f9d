import pytest

from i2vda_mmseg.fileio.frame_source import spread
from i2vda_mmseg.reporting.pictures import Picture
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.reporting.samples import RunSamples, draw_samples, gather


def picture(caption, content='x'):
    return Picture(caption, f'data:,{content}', 2, 1)


def test_what_all_runs_see_is_shown_once():
    seen, other = [picture('Frame', 'a')], [picture('Frame', 'b')]
    first = RunSamples([('ulm_1', seen, [picture('one')])], [])
    second = RunSamples([('ulm_1', seen, [picture('two')]), ('ulm_2', other, [picture('three')])], [])
    third = RunSamples([('ulm_1', other, [picture('four')])], [])
    ulm_1, ulm_2 = gather([first, None, second, third])
    assert (ulm_1.name, ulm_1.shared) == ('ulm_1', seen)
    assert ulm_1.rows == [(0, [picture('one')]), (2, [picture('two')]), (3, [*other, picture('four')])]
    assert (ulm_2.shared, ulm_2.rows) == (other, [(2, [picture('three')])])


def test_frames_come_from_all_over():
    assert spread(range(500), 4) == [62, 187, 312, 437]
    assert spread(range(2), 5) == [0, 1]
    assert spread(range(0), 5) == []


def test_a_network_of_another_library_is_refused(two_runs):
    run = read_run(two_runs[0])
    run.config.model = run.config.model.segmentor
    with pytest.raises(ValueError, match='the config builds EncoderDecoder'):
        draw_samples(run.config, run.weights().path, 1)
