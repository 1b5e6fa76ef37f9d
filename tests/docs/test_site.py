"""The documentation site: every link leads somewhere, every public name has an entry, nothing is fetched."""

import shutil
import subprocess
import sys

import pytest

from docs import check, pages

pytest.importorskip('zensical')


@pytest.fixture(scope='module')
def built(request, tmp_path_factory):
    """The site, built strictly."""
    folder = tmp_path_factory.mktemp('site')
    root = request.config.rootpath
    pages.lay_out(folder / 'build/docs')
    shutil.copy(root / 'zensical.toml', folder)
    for name in ('docs', 'i2vda_mmseg'):  # whose docstrings are read
        (folder / name).symlink_to(root / name)
    command = [sys.executable, '-m', 'zensical', 'build', '--strict', '--clean']
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / 'build/site'


def test_every_public_name_has_its_entry_and_nothing_is_fetched(built):
    assert list(check.faults(built)) == []


def test_a_missing_entry_and_a_fetched_script_are_found(built, tmp_path):
    site = shutil.copytree(built, tmp_path / 'site')
    page = site / 'reference/ops.html'
    page.write_text(page.read_text().replace(' id="i2vda_mmseg.ops.inside"', ' id="elsewhere"'))
    (site / '404.html').write_text('<script src="https://example.org/a.js"></script>')
    assert list(check.faults(site)) == [
        'ops.html has no entry for i2vda_mmseg.ops.inside',
        '404.html fetches https://example.org/a.js',
    ]


def test_examples_of_docstrings_are_laid_out_as_code(built):
    text = (built / 'reference/ops.html').read_text()
    assert 'Example:' not in text
    assert text.count('<span class="gp">&gt;&gt;&gt; </span>') > 20


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of two pages."""
    (tmp_path / 'docs/images').mkdir(parents=True)
    (tmp_path / 'README.md').write_text('[flow](docs/flow.md#a) [code](setup.py)\n\n```\n[x](gone.md)\n```\n')
    (tmp_path / 'docs/flow.md').write_text('[home](../README.md)\n')
    (tmp_path / 'setup.py').touch()
    names = ['index.md', 'flow.md', 'api.md']
    (tmp_path / 'zensical.toml').write_text(f'[project]\nnav = [{{ Start = {names} }}]\n')
    monkeypatch.setattr(pages, 'ROOT', tmp_path)
    monkeypatch.setattr(pages.api, 'rooms', list)
    return tmp_path


def test_links_between_files_become_links_between_pages(repository):
    pages.lay_out(repository / 'out')
    assert (repository / 'out/index.md').read_text() == '[flow](flow.md#a) code\n\n```\n[x](gone.md)\n```\n'
    assert (repository / 'out/flow.md').read_text() == '[home](index.md)\n'


def test_a_link_to_no_file_is_refused(repository):
    (repository / 'docs/flow.md').write_text('[gone](gone.md)\n')
    with pytest.raises(pages.PageError, match=r'docs/flow.md links to gone.md, which is not there'):
        pages.lay_out(repository / 'out')


def test_a_page_that_the_navigation_lacks_is_named(repository):
    (repository / 'docs/new.md').write_text('# New\n')
    with pytest.raises(pages.PageError, match=r'differ in new.md: name each page there once'):
        pages.lay_out(repository / 'out')
