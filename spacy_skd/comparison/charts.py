"""Pictures of a comparison, as SVG that takes the colours of the page it stands in."""

import io
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import Errors, SkdError

# Legible on white and on black; the third of three is told apart by brightness as well.
COLOURS = ["#8a8f98", "#4c9be8", "#e8894c", "#3fae6b", "#b877d9", "#c9a227", "#d9577a", "#2aa5a0"]
# Stand for what the page decides: matplotlib wants colours, the page has variables.
TEXT, GRID = "#010203", "#030201"
WIDTH = 5.2  # inches; a phone shows them at about two thirds

# x, y, and the spread of y.
Point = Tuple[float, float, Optional[float]]


def import_matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise SkdError(Errors.SKD233.format(package="matplotlib")) from error
    matplotlib.use("agg")
    return matplotlib


def bars(groups: Sequence[str], series: Mapping[str, Sequence[Optional[float]]], label: str) -> str:
    """A group of horizontal bars for each language, a bar for each series, its value beside it.

    series (Dict[str, Sequence[Optional[float]]]): Values in percent by group; None leaves a gap.
    """
    with figure(0.34 + 0.17 * len(groups) * (len(series) + 1)) as (fig, axes):
        height = 1 / (len(series) + 1)
        for i, values in enumerate(series.values()):
            places = [row + (i - (len(series) - 1) / 2) * height for row in range(len(groups))]
            known = [(place, value) for place, value in zip(places, values) if value is not None]
            axes.barh(
                [place for place, _ in known],
                [value for _, value in known],
                height * 0.9,
                color=COLOURS[i % len(COLOURS)],
                label=str(i),
            )
            for place, value in known:
                axes.text(value + 0.8, place, f"{value:.1f}", va="center", fontsize=7, color=TEXT)
        axes.set_yticks(range(len(groups)), groups)
        axes.invert_yaxis()
        axes.set_xlim(0, 109)
        finish(axes, label, None, legend=list(series))
        return as_svg(fig)


def differences(rows: Dict[str, Tuple[float, float, float]], label: str) -> str:
    """For each row a point with its interval, and a line at 0.

    rows (Dict[str, Tuple[float, float, float]]): (mean, low, high) in points.
    """
    with figure(0.7 + 0.3 * len(rows)) as (fig, axes):
        axes.axvline(0, color=TEXT, linewidth=0.8)
        for i, (mean, low, high) in enumerate(rows.values()):
            axes.plot([low, high], [i, i], color=COLOURS[1], linewidth=2)
            axes.plot([mean], [i], "o", color=COLOURS[1])
            axes.annotate(
                f"{mean:+.2f}", (mean, i), (0, 5), textcoords="offset points", ha="center",
                fontsize=7, color=TEXT,
            )  # fmt: skip
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.5, -0.7)
        finish(axes, label, None, legend=[])
        return as_svg(fig)


def curves(series: Dict[str, List[Point]], x_label: str, y_label: str) -> str:
    """Lines through (x, mean, spread or None); the spread as a band."""
    with figure(3.0) as (fig, axes):
        for i, points in enumerate(series.values()):
            colour = COLOURS[(i + 1) % len(COLOURS)]
            xs, means, spreads = zip(*points)
            axes.plot(xs, means, "o-", markersize=3, color=colour, label=str(i))
            if all(spread is not None for spread in spreads):
                low = [mean - spread for mean, spread in zip(means, spreads)]
                high = [mean + spread for mean, spread in zip(means, spreads)]
                axes.fill_between(xs, low, high, color=colour, alpha=0.2, linewidth=0)
        finish(axes, x_label, y_label, legend=list(series))
        return as_svg(fig)


def reliability(series: Dict[str, List[Tuple[float, float]]]) -> str:
    """Lines through (confidence, accuracy), in percent, and one on which both are the same."""
    with figure(3.4) as (fig, axes):
        axes.plot([0, 100], [0, 100], "--", color=TEXT, linewidth=0.8)
        for i, points in enumerate(series.values()):
            xs, ys = zip(*points)
            axes.plot(xs, ys, "o-", markersize=3, color=COLOURS[i % len(COLOURS)], label=str(i))
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        finish(axes, "confidence", "accuracy", legend=list(series))
        return as_svg(fig)


def scatter(points: Dict[str, Tuple[float, float]], x_label: str, y_label: str) -> str:
    """A named point for each row."""
    with figure(3.0) as (fig, axes):
        for i, (x, y) in enumerate(points.values()):
            axes.plot([x], [y], "o", color=COLOURS[i % len(COLOURS)], label=str(i))
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.margins(0.1)
        finish(axes, x_label, y_label, legend=list(points))
        return as_svg(fig)


class figure:
    """A figure of one pair of axes, with nothing behind it."""

    def __init__(self, height: float) -> None:
        self.height = height

    def __enter__(self) -> Tuple[Any, Any]:
        self.style = import_matplotlib().rc_context(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "spacy-skd",
                "font.family": "sans-serif",
                "font.size": 9,
                "text.parse_math": False,
                **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), TEXT),
                **dict.fromkeys(("xtick.color", "ytick.color"), TEXT),
                "grid.color": GRID,
            }
        )
        self.style.__enter__()
        from matplotlib.figure import Figure

        fig = Figure(figsize=(WIDTH, self.height), layout="constrained")
        return fig, fig.subplots()

    def __exit__(self, *error: Any) -> None:
        self.style.__exit__(*error)


def finish(axes: Any, x_label: str, y_label: Optional[str], legend: Sequence[str]) -> None:
    """legend (Sequence[str]): What the labelled things are called, in the order of their labels."""
    axes.grid(axis="x" if y_label is None else "both", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(x_label)
    if y_label is not None:
        axes.set_ylabel(y_label)
    if len(legend) > 1:
        box = axes.figure.legend(
            loc="outside upper center", ncols=min(len(legend), 3), frameon=False, fontsize=8
        )
        # As labels matplotlib would leave out those that begin with "_".
        for text, name in zip(box.get_texts(), legend):
            text.set_text(name)


def as_svg(fig: Any) -> str:
    """The `<svg>` element alone, in the colours of the page, and as wide as its place."""
    stream = io.StringIO()
    fig.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    return text.replace(TEXT, "currentColor").replace(GRID, "var(--grid)")
