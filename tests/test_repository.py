"""Rules of the house that no linter knows."""

import ast
import re
import sys
import warnings

import pytest

from i2vda_mmseg.compat import quiet_imports


def texts(root, *folders):
    return {path.relative_to(root): path.read_text() for folder in folders for path in (root / folder).rglob('*.py')}


@pytest.fixture(scope='module')
def modules(request):
    return texts(request.config.rootpath, 'i2vda_mmseg', 'tools', 'benchmarks')


@pytest.fixture(scope='module')
def everything(modules, request):
    return modules | texts(request.config.rootpath, 'tests', 'configs')


def functions(text):
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def test_files_and_functions_are_short(everything):
    assert {path: text.count('\n') for path, text in everything.items() if text.count('\n') > 250} == {}
    long = [
        f'{path}:{node.lineno} {node.name}'
        for path, text in everything.items()
        for node in functions(text)
        if node.end_lineno - node.lineno + 1 - len((ast.get_docstring(node) or '').splitlines()) > 60
    ]
    assert long == []


def test_files_are_written_by_the_atomic_writer_only(modules):
    direct = re.compile(
        r'write_(text|bytes)\(|(cv2|mmcv)\.imwrite\(|(torch\.save|json\.dump|config\.dump)\(|os\.(replace|rename)\('
    )
    known = {
        'i2vda_mmseg/fileio/atomic.py',
        'i2vda_mmseg/fileio/atomic_checkpoint.py',
        'i2vda_mmseg/apis/publish.py',  # into memory, for the hash of it
        'i2vda_mmseg/streetworld/plan.py',  # world.partial.json becomes world.json
        'benchmarks/correlation.py',  # /proc
    }
    assert {str(path) for path, text in modules.items() if direct.search(text)} == known


def test_every_public_name_is_documented(modules):
    silent = [
        f'{path}:{node.lineno} {node.name}'
        for path, text in modules.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith('_')
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_one_public_class_a_file(modules):
    for path, text in modules.items():
        registered = [
            node.name
            for node in ast.parse(text).body
            if isinstance(node, ast.ClassDef) and any('register_module' in ast.unparse(d) for d in node.decorator_list)
        ]
        if 'transforms' not in path.parts:
            assert len(registered) <= 1, f'{path} registers {registered}'


def test_quiet_imports_passes_on_what_it_does_not_know(capsys):
    def imports():
        sys.stdout.write('Could not import OneDL\na line of its own\n')
        warnings.warn('Fail to import ``MultiScaleDeformableAttention`` from x', stacklevel=1)
        warnings.warn('something else', stacklevel=1)

    with pytest.warns(UserWarning, match='something else') as warned, quiet_imports():
        imports()
    assert len(warned) == 1
    assert capsys.readouterr().out == 'a line of its own\n'
