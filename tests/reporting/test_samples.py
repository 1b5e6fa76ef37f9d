import numpy as np
import pytest

from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.evaluation import temporal_consistency
from i2vda_mmseg.fileio.frame_source import spread
from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.reporting.pairs import pairs_of
from i2vda_mmseg.reporting.pictures import Picture
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.reporting.samples import FrameSample, RunSamples, draw_samples, gather


def picture(caption, content='x'):
    return Picture(caption, f'data:,{content}', 2, 1)


def frame(name, seen, own):
    return FrameSample(name, seen, [picture(own)], [picture(f'learnt {own}')])


def test_what_all_runs_see_is_shown_once():
    seen, other = [picture('Frame', 'a')], [picture('Frame', 'b')]
    first = RunSamples([frame('ulm_1', seen, 'one')], [])
    second = RunSamples([frame('ulm_1', seen, 'two'), frame('ulm_2', other, 'three')], [])
    third = RunSamples([frame('ulm_1', other, 'four')], [])
    ulm_1, ulm_2 = gather([first, None, second, third])
    assert (ulm_1.name, ulm_1.shared) == ('ulm_1', seen)
    assert ulm_1.columns == [
        (0, [picture('one')], [picture('learnt one')]),
        (2, [picture('two')], [picture('learnt two')]),
        (3, [picture('four')], [*other, picture('learnt four')]),
    ]
    assert (ulm_2.shared, ulm_2.columns) == (other, [(2, [picture('three')], [picture('learnt three')])])


def test_errors_and_flicker_are_those_of_the_metrics(two_runs):
    run = read_run(two_runs[1])
    drawn = draw_samples(run.config, run.weights().path, 1).frames[0]
    assert [item.caption for item in drawn.shared] == ['Ground truth', 'Frame I_{1}', 'Frame I_{0}']
    prediction, errors, flicker = drawn.judged
    assert [item.key for item in drawn.judged] == ['classes', 'errors', 'changes']
    assert (prediction.width, prediction.height) == (96, 48)  # of the frames on disk, not of the training
    predictor = FramePredictor.load(run.config, run.weights().path)
    pair = pairs_of(run.config)[1]
    labels = [predictor(image) for image in pair.images()]
    known = pair.labels != 255
    wrong = 100 * (labels[1].numpy()[known] != pair.labels[known]).mean()
    assert errors.caption == f'Errors: {wrong:.1f} %'
    frames = [np.ascontiguousarray(image[..., ::-1]) for image in pair.images()]
    measured = temporal_consistency(labels, frames, DISFlow(), 15)
    assert flicker.caption == f'Flicker: {100 * measured.flicker:.1f} %'


def test_frames_come_from_all_over():
    assert spread(range(500), 4) == [62, 187, 312, 437]
    assert spread(range(2), 5) == [0, 1]
    assert spread(range(0), 5) == []


def test_a_network_of_another_library_is_refused(two_runs):
    run = read_run(two_runs[0])
    run.config.model = run.config.model.segmentor
    with pytest.raises(ValueError, match='the config builds EncoderDecoder'):
        draw_samples(run.config, run.weights().path, 1)
