from types import SimpleNamespace

import pytest

from i2vda_mmseg import environment
from i2vda_mmseg.environment import check_environment

MAINTAINED = "pip install 'onedl-mmengine>=0.10.12' 'onedl-mmcv>=2.3.6' 'onedl-mmsegmentation>=1.4.2'"
OFFICIAL = "pip install 'mmengine>=0.10.7' 'mmcv>=2.1.0,<2.2' 'mmsegmentation>=1.2.2'"


@pytest.fixture
def installed(monkeypatch):
    """Pretend that just the named distributions are installed."""
    return lambda *names: monkeypatch.setattr(
        environment, 'distributions', lambda: [SimpleNamespace(metadata={'Name': name}) for name in names]
    )


def message(**required):
    with pytest.raises(ImportError) as raised:
        check_environment(required)
    return str(raised.value)


def test_what_is_installed_passes():
    check_environment()
    check_environment({'torch': '2.4', 'mmengine': '0.10.7'})


def test_a_missing_package_is_named_with_the_command_to_run():
    said = message(no_such_package='1.0')
    assert message(math='0') == 'i2vda_mmseg cannot tell the version of math'
    assert 'i2vda_mmseg needs no_such_package >= 1.0: ' in said
    assert said.endswith(". Run: pip install 'no_such_package>=1.0'")


def test_an_old_package_is_named_with_the_version_that_was_found(monkeypatch):
    monkeypatch.setattr('torch.__version__', '2.3.1+cpu')
    assert message(torch='2.4') == (
        "i2vda_mmseg needs torch >= 2.4, found 2.3.1+cpu. Run: pip install 'torch>=2.4'"
    )  # fmt: skip


@pytest.mark.parametrize(('found', 'least'), [('2.10.0', '2.4'), ('2.4.0rc1', '2.4'), ('2.13.0+cpu', '2.13')])
def test_versions_are_compared_as_numbers(monkeypatch, found, least):
    monkeypatch.setattr('torch.__version__', found)
    check_environment({'torch': least})


@pytest.mark.parametrize(('there', 'command'), [
    ((), MAINTAINED),
    (('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation'), MAINTAINED),
    (('mmengine', 'mmcv', 'mmsegmentation'), OFFICIAL),
    (('mmcv',), OFFICIAL),
    (('mmsegmentation', 'onedl-mmcv'), OFFICIAL),
])  # fmt: skip
def test_the_command_keeps_to_the_family_that_is_there(installed, there, command):
    """The two families own the same folders: installing one over the other breaks both."""
    installed(*there)
    assert message(mmseg='99').endswith(f'. Run: {command}')
    assert message(mmengine='99').endswith(f'. Run: {command}')
    assert message(torch='99').endswith(". Run: pip install 'torch>=99'")
