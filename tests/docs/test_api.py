"""docs/api.md lists what is public."""

from docs import api


def test_the_page_is_what_the_packages_say(request):
    assert (request.config.rootpath / 'docs/api.md').read_text() == api.page(), 'python docs/api.py > docs/api.md'


def test_names_that_a_module_shares_are_found_in_its_file():
    rooms = {room.__name__: room for room in api.rooms()}
    assert api.full_name(rooms['i2vda_mmseg.ops'], 'warp') == 'i2vda_mmseg.ops.warp.warp'
    assert api.full_name(rooms['i2vda_mmseg.ops'], 'inside') == 'i2vda_mmseg.ops.inside'
