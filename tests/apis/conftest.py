import runpy
import sys

import pytest


@pytest.fixture
def doctor(monkeypatch, capsys, tmp_path, request):
    """Run the flow doctor, and give its exit code and what it said."""
    tool = runpy.run_path(str(request.config.rootpath / 'tools/flow_doctor.py'))

    def run(*argv):
        out = tmp_path / 'out/sheet.png'
        monkeypatch.setattr(sys, 'argv', ['flow_doctor.py', '--out', str(out), *map(str, argv)])
        code = tool['main']()
        said = capsys.readouterr()
        return code, ' '.join((said.out + said.err).split())

    return run
