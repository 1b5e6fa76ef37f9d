"""The page in a browser: it opens from a file without a complaint, and its controls do what they say."""

import pytest
from browser import Browser, is_installed

from i2vda_mmseg.reporting import build_report

pytestmark = pytest.mark.skipif(not is_installed, reason='needs chromium and chromedriver')
PIXELS = "return document.getElementById('player-{}-view').toDataURL()"
NAME = "document.getElementById('player-name').textContent"
SET = """const field = document.getElementById(arguments[0]);
field.value = arguments[1];
field.dispatchEvent(new Event(arguments[2], {bubbles: true}));"""


@pytest.fixture(scope='module')
def chromium(two_runs, tmp_path_factory):
    """A browser with the page, from file://."""
    path = build_report(two_runs, tmp_path_factory.mktemp('chromium') / 'report.html')
    with Browser() as browser:
        browser.page = path
        yield browser


@pytest.fixture
def opened(chromium):
    chromium.show(1280, 900, 'light')
    chromium.open(chromium.page)
    chromium.wait_for('[...document.images].every((image) => image.complete && (image.naturalWidth || !image.src))')
    yield chromium
    assert chromium.messages() == []


def test_it_asks_for_nothing_and_shows_the_figures(opened):
    entries = "performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert (
        opened.run(f"return {entries}.filter((name) => !name.startswith?.('data:') && !name.startsWith('data:'))") == []
    )
    shown = opened.run("return [...document.querySelectorAll('#figures data')].map((item) => item.innerText)")
    assert {'50.12', '55.12', '0.6543', '0.0123', '0.8765', '4'} <= {text.split()[0] for text in shown}
    assert opened.run('return document.images.length') > 10


def test_the_player_steps_plays_and_compares(opened):
    opened.wait_for(f"{NAME}.startsWith('1 of 3')")
    first = opened.run(PIXELS.format('left'))
    assert first != opened.run(PIXELS.format('right'))  # two methods
    opened.click('#player-next')
    assert opened.run(f'return {NAME}').startswith('2 of 3')
    assert opened.run(PIXELS.format('left')) != first
    opened.click('#player-back')
    assert opened.run(PIXELS.format('left')) == first
    opened.click('#player-play')
    opened.wait_for(f"!{NAME}.startsWith('1 of 3')")
    opened.click('#player-play')
    assert opened.run("return document.getElementById('player-play').textContent") == 'Play'
    opened.run(SET, 'player-frame', '0', 'input')
    assert opened.run(PIXELS.format('left')) == first
    opened.run(SET, 'player-right', '0', 'change')
    assert opened.run(PIXELS.format('right')) == first


def test_without_colours_both_sides_are_the_frame(opened):
    opened.run(SET, 'player-opacity', '0', 'input')
    bare = opened.run(PIXELS.format('left'))
    assert bare == opened.run(PIXELS.format('right'))
    opened.run(SET, 'player-opacity', '60', 'input')
    opened.run(SET, 'player-left', '-1', 'change')
    assert opened.run(PIXELS.format('left')) == bare


def test_runs_are_taken_out_of_the_curves_and_values_are_read(opened):
    drawn = (
        "[...document.querySelectorAll('.drawing .run-0')].every((line) => getComputedStyle(line).display !== 'none')"
    )
    assert opened.run(f'return {drawn}')
    opened.click('.toggles button')
    assert not opened.run(f'return {drawn}')
    opened.click('.toggles button')
    point = """const drawing = document.querySelector('.drawing.wide');
    const box = drawing.getBoundingClientRect();
    drawing.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 5, clientY: box.top + 20}));
    return document.querySelector('.readout').innerText"""
    said = opened.run(point)
    assert 'iteration 40' in said
    assert 'source_only 40' in said
    assert 'i2vda 40' in said


def test_a_picture_opens_large_and_closes(opened):
    is_open = "return document.getElementById('lightbox').open"
    opened.click('.zoom')
    assert opened.run(is_open)
    assert 'Ground truth' in opened.run("return document.querySelector('#lightbox figcaption').textContent")
    opened.click('#lightbox')
    assert not opened.run(is_open)


def test_it_fits_a_phone_and_follows_the_dark(opened):
    background = 'return getComputedStyle(document.body).backgroundColor'
    light = opened.run(background)
    opened.show(390, 844, 'dark')
    opened.wait_for('innerWidth === 390')
    assert opened.run('return document.documentElement.scrollWidth') <= 390
    dark = opened.run(background)
    assert sum(map(int, dark[4:-1].split(','))) < 150
    assert sum(map(int, light[4:-1].split(','))) > 600
    contrast = "return getComputedStyle(document.querySelector('.drawing svg text')).fill"
    assert sum(map(int, opened.run(contrast)[4:-1].split(','))) > 600  # letters of the charts, too
