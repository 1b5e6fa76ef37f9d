import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from i2vda_mmseg.reporting.charts import Curve, draw_chart, thin


def test_a_chart_takes_its_colours_from_the_page_and_names_its_curves():
    chart = draw_chart('mIoU', [Curve(0, [1, 2], [3, 4]), Curve(9, [1, 2], [5, 4])], markers=True, wide=True)
    assert [drawing['kind'] for drawing in chart.drawings] == ['wide both', 'narrow both']
    for drawing in chart.drawings:
        svg = drawing['svg']
        ET.fromstring(svg.replace('xlink:', ''))  # well-formed
        assert 'class="run-0"' in svg
        assert 'class="run-9"' in svg
        assert {'var(--run-0)', 'var(--run-1)', 'currentColor', 'var(--grid)'} <= set(
            re.findall(r'var\(--[\w-]+\)|currentColor', svg)
        )
        assert '#0102' not in svg
        assert '<style' not in svg
    names = [set(re.findall(r'id="([^"]+)"', drawing['svg'])) for drawing in chart.drawings]
    assert names[0].isdisjoint(names[1])


def test_the_reader_knows_where_the_points_are():
    drawing = draw_chart('loss', [Curve(2, [100, 300], [1.0, 2.0])], markers=True).drawings[0]
    reader = drawing['reader']
    left, top, right, bottom = reader['box']
    markers = re.findall(
        r'<use xlink:href="[^"]+" x="([\d.]+)" y="([\d.]+)" style="fill: var\(--run-2\)', drawing['svg']
    )
    low, high = reader['xlim']
    places = [left + (x - low) / (high - low) * (right - left) for x in reader['curves'][0]['x']]
    assert [float(x) for x, _ in markers] == pytest.approx(places, abs=0.1)
    assert all(top <= float(y) <= bottom for _, y in markers)
    assert reader['curves'] == [dict(run=2, x=[100.0, 300.0], y=[1.0, 2.0])]


def test_a_single_validation_and_a_share_of_nothing_have_sensible_axes():
    drawing = draw_chart('share', [Curve(0, [12], [0.0])], markers=True).drawings[0]
    ticks = re.findall(r'<text[^>]*>([^<]+)</text>', drawing['svg'])
    assert ticks[: ticks.index('iteration')] == ['11', '12', '13']
    assert not [tick for tick in ticks if tick.startswith('\N{MINUS SIGN}')]


def test_a_chart_is_the_same_each_time():
    curves = [Curve(0, [1, 2, 3], [3.0, 1.0, 2.0])]
    assert draw_chart('loss', curves) == draw_chart('loss', curves)


def test_many_points_are_averaged_and_the_chart_says_so():
    steps = np.arange(1, 1001)
    curve, group = thin(Curve(0, steps, steps**2), 400)
    assert group == 3
    assert len(curve.x) == 334
    assert curve.x[1] == np.mean([4, 5, 6])
    assert curve.y[1] == pytest.approx((16 + 25 + 36) / 3)
    assert (curve.x[-1], curve.y[-1]) == (1000, 1000**2)
    assert 'the mean of up to 3 logged ones' in draw_chart('loss', [Curve(0, steps, steps)]).note
    assert draw_chart('loss', [Curve(0, steps[:400], steps[:400])]).note == ''
