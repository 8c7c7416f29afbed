"""Pictures of a comparison: what is written in them."""

import pytest

from spacy_skd.comparison import charts

NAMES = ["_hidden", "", "$x_1$ <b>", "same 0", "_", "second"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.bars(["de"], {name: [50.0] for name in NAMES}, "F1"),
        lambda: charts.curves(
            {name: [(1.0, 2.0, 0.5), (2.0, 3.0, 0.5)] for name in NAMES}, "x", "y"
        ),
        lambda: charts.reliability({name: [(10.0, 20.0), (30.0, 40.0)] for name in NAMES}),
        lambda: charts.scatter(dict.fromkeys(NAMES, (1.0, 2.0)), "x", "y"),
    ],
)
def test_a_legend_has_every_name(draw):
    svg = draw()
    legend = svg[svg.index('id="legend') :]
    for name in ("_hidden", "$x_1$ &lt;b&gt;", "same 0", "_", "second"):
        assert f">{name}</text>" in legend, name
