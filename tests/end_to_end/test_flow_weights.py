"""The paper's configs name weights of a flow network, which testing does not need."""

import pytest

from i2vda_mmseg.apis.launch import build_runner

ABSENT = {
    'model.flow_estimator._delete_': True,
    'model.flow_estimator.type': 'MMFlow',
    'model.flow_estimator.model': 'flownet2_nvidia',
    'model.flow_estimator.checkpoint': 'no/where.pth',
}


def test_training_is_refused_and_testing_is_not(tiny_config, trained, tmp_path):
    checkpoint = trained(name='run') / 'iter_6.pth'
    for options in ({}, dict(resume=True, load_from=str(checkpoint))):
        runner = build_runner(tiny_config('i2vda', tmp_path / 'absent', **ABSENT, **options))
        with pytest.raises(FileNotFoundError, match=r'^There is no flow checkpoint no/where\.pth: python tools/model_'):
            runner.train()
    assert not list((tmp_path / 'absent').rglob('*.pth'))
    assert build_runner(tiny_config('i2vda', tmp_path / 'tested', **ABSENT, load_from=str(checkpoint))).test()
