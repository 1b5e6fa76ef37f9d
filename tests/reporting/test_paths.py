import pytest

from i2vda_mmseg.reporting.paths import shorten, shorten_apart


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('/a/b/c/d.pth', '…/c/d.pth'),
        ('no checkpoint iter_8.pth in /work/runs/i2vda', 'no checkpoint iter_8.pth in …/runs/i2vda'),
        ("load_from = '/root/init/iter_9.pth'", "load_from = '…/init/iter_9.pth'"),
        ('data_root=/data/street/viper,x=1', 'data_root=…/street/viper,x=1'),
        ('/x/y/z/', '…/y/z'),
        ('…/c/d.pth', '…/c/d.pth'),
        ('work_dirs/a/b.pth, 3/4 and w/o', 'work_dirs/a/b.pth, 3/4 and w/o'),
        ('there is no */vis_data/scalars.json', 'there is no */vis_data/scalars.json'),
        ('https://example.org/a/b/c.pth', 'https://example.org/a/b/c.pth'),
    ],
)
def test_absolute_paths_lose_their_beginning_and_nothing_else_does(text, shown):
    assert shorten(text) == shown


def test_paths_that_differ_still_do():
    assert shorten_apart(['/a/x/c/d', '/b/x/c/d', '/a/x/c/d', None]) == ['…/a/x/c/d', '…/b/x/c/d', '…/a/x/c/d', None]
    assert shorten_apart(['/a/c/d', '/b/c/e']) == ['…/c/d', '…/c/e']
    assert shorten_apart([None, 'x']) == [None, 'x']
