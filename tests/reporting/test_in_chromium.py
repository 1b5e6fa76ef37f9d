"""The page in a browser: it opens from a file without a complaint, and its controls do what they say."""

import json
import shutil

import pytest
from browser import Browser, is_installed

from i2vda_mmseg.reporting import build_report

pytestmark = pytest.mark.skipif(not is_installed, reason='needs chromium and chromedriver')
PIXELS = "return document.getElementById('player-{}-view').toDataURL()"
NAME = "document.getElementById('player-name').textContent"
SET = """const field = document.getElementById(arguments[0]);
field.value = arguments[1];
field.dispatchEvent(new Event(arguments[2], {bubbles: true}));"""

PRESS = "document.getElementById('lightbox').dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0]}))"
# Elements beyond the right edge that no box of their own scrolls, and names of runs in heads of tables that do not fit.
CUT = """return [...document.querySelectorAll('main *, header *')].filter((element) =>
  element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.scroll, .hidden, svg, dialog, pre'))
  .map((element) => element.outerHTML.slice(0, 80))"""
CUT_NAMES = """return [...document.querySelectorAll('.figures thead th, .facts thead th')].filter((head) =>
  head.scrollWidth > head.clientWidth + 1 && !head.querySelector('.hidden')).map((head) => head.textContent)"""


@pytest.fixture(scope='module')
def chromium(two_runs, count_clips, tmp_path_factory):
    """A browser with the page, from file://."""
    folder = tmp_path_factory.mktemp('chromium')
    runs = [shutil.copytree(run, folder / run.name) for run in two_runs]
    for run, gain in zip(runs, (0, 2)):
        count_clips(run, gain)
    path = build_report(runs, folder / 'report.html')
    with Browser() as browser:
        browser.page, browser.runs = path, runs
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
    for folder in opened.runs:
        figures = json.loads((folder / 'metrics.json').read_text())
        expected = [figures['mIoU'], 100 * figures['TC'], 100 * figures['flicker'], figures['IoU']['pole']]
        assert {f'{value:.1f}' for value in expected} <= set(shown)
    weight = "getComputedStyle([...document.querySelectorAll('#figures td.best data')][0]).fontWeight"
    assert opened.run(f'return {weight}') == '700'
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


def test_a_picture_opens_large_and_leads_to_those_beside_it(opened):
    is_open = "return document.getElementById('lightbox').open"
    text = "return document.getElementById('lightbox').innerText"
    opened.click('.zoom')
    assert opened.run(is_open)
    assert 'Ground truth' in opened.run(text)
    assert 'traffic light' in opened.run(text)  # the colours of the classes
    opened.click('#lightbox-next')
    assert 'source_only' in opened.run(text)
    assert 'Prediction' in opened.run(text)
    opened.run(PRESS, 'ArrowRight')
    assert 'i2vda' in opened.run(text)
    for _ in range(2):
        opened.run(PRESS, 'ArrowRight')
    assert 'Errors' in opened.run(text)
    assert 'without a label' in opened.run(text)
    opened.click('#lightbox-back')
    assert 'Frame I' in opened.run(text)
    opened.click('#lightbox-close')
    assert not opened.run(is_open)
    assert opened.run('return document.activeElement.className') == 'zoom'


def test_the_chart_of_the_flicker_follows_the_player_and_leads_it(opened):
    place = "return Number(document.querySelector('#player-flicker .drawing.wide .now').getAttribute('x1'))"
    first = opened.run(place)
    opened.click('#player-next')
    opened.click('#player-next')
    assert opened.run(place) > first
    opened.run("""const drawing = document.querySelector('#player-flicker .drawing.wide');
    const box = drawing.getBoundingClientRect();
    drawing.dispatchEvent(new MouseEvent('click', {clientX: box.left + 5, clientY: box.top + 20}));""")
    assert opened.run(f'return {NAME}').startswith(('1 of 3', '2 of 3'))


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize(('width', 'height'), [(1440, 900), (390, 844)])
def test_nothing_is_cut_and_nothing_sticks_out(opened, width, height, scheme):
    opened.show(width, height, scheme)
    opened.wait_for(f'innerWidth === {width}')
    assert opened.run('return document.documentElement.scrollWidth') <= width
    assert opened.run(CUT) == []
    assert opened.run(CUT_NAMES) == []


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
