import numpy as np
import pytest

from i2vda_mmseg.visualization import SheetRow, draw_contact_sheet

HEIGHT, WIDTH = 32, 64
MARGIN = 6
CAPTION = round(1.7 * 12)


def row(frame=100, warped=100, flow=(0.0, 0.0), keep=True, name='frame'):
    def picture(value):
        return np.full((HEIGHT, WIDTH, 3), value, np.uint8)

    field = np.broadcast_to(np.array(flow), (HEIGHT, WIDTH, 2))
    return SheetRow(name, picture(frame), field, picture(warped), np.full((HEIGHT, WIDTH), keep))


def middles(sheet, rows=1):
    """The colour in the middle of each cell."""
    row_height = CAPTION + HEIGHT + MARGIN // 2
    y = [CAPTION + HEIGHT // 2 + i * row_height for i in range(rows)]
    x = [MARGIN + WIDTH // 2 + i * (WIDTH + MARGIN) for i in range(5)]
    return [[tuple(sheet[j, i].tolist()) for i in x] for j in y]


def test_cells_of_a_row():
    sheet = draw_contact_sheet([row(100, 132, (4, 0), keep=False)], cell_height=HEIGHT)
    frame, flow, warped, error, mask = middles(sheet)[0]
    assert frame == (100, 100, 100)
    assert flow == (255, 0, 0)
    assert warped == (132, 132, 132)
    assert error == (128, 128, 128)  # 32 of 64 grey levels
    assert mask == (0, 0, 0)


def test_rows_share_the_colours():
    sheet = draw_contact_sheet([row(flow=(8, 0)), row(flow=(-4, 0), name='other')], cell_height=HEIGHT)
    first, second = middles(sheet, rows=2)
    assert first[1] == (255, 0, 0)
    assert second[1] == (128, 255, 255)
    assert first[3:] == second[3:] == [(255, 255, 255)] * 2


def test_unknown_flow_does_not_set_the_scale():
    known, marked = row(flow=(4.0, 0.0)), row(flow=(4.0, 0.0))
    field = np.array(marked.flow)
    field[:, :20] = (1e10, 0.0)
    marked = marked._replace(flow=field)
    assert middles(draw_contact_sheet([marked], cell_height=HEIGHT))[0][1] == (255, 0, 0)
    assert middles(draw_contact_sheet([known], cell_height=HEIGHT))[0][1] == (255, 0, 0)


@pytest.mark.parametrize('flow', [(np.nan, 0.0), (np.inf, 1.0), (0.0, -1e10)])
def test_flow_that_is_not_finite_is_black(flow):
    assert middles(draw_contact_sheet([row(flow=flow)], cell_height=HEIGHT))[0][1] == (0, 0, 0)


def test_needs_a_row():
    with pytest.raises(ValueError, match='at least one row'):
        draw_contact_sheet([])
