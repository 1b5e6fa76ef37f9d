"""docs/api.md lists what is public."""

import importlib.util


def test_the_page_is_what_the_packages_say(request):
    root = request.config.rootpath
    spec = importlib.util.spec_from_file_location('api', root / 'docs/api.py')
    api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    assert (root / 'docs/api.md').read_text() == api.page(), 'python docs/api.py > docs/api.md'
