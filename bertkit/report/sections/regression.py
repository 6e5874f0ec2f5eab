"""A number an example: predicted against reference, errors over the scale, outliers."""

from __future__ import annotations

import numpy as np

from bertkit.evaluation.curves import Floats
from bertkit.evaluation.doubtful import OUTLIER_DEVIATIONS, outliers
from bertkit.report.blocks import Chart, Fact, Figures, Part, ShownExample, Tile, Tiles
from bertkit.report.charts import histogram, residuals, scatter
from bertkit.report.passages import short
from bertkit.report.sections.scored import Scored
from bertkit.report.sections.shown_examples import (
    HARDEST,
    SUSPECTS,
    example_lines,
    hardest_part,
    suspects_part,
)

_BINS = 8
_HISTOGRAM_BINS = 24


def regression_parts(scored: Scored) -> tuple[list[Part], list[Part]]:
    """What is said of the scores, and of single examples; nothing of predictions that are not finite."""
    expected = np.asarray([example.target for example in scored.examples], dtype=np.float64)
    predicted = np.asarray([prediction.value for prediction in scored.predictions], dtype=np.float64)
    known = np.isfinite(expected) & np.isfinite(predicted)
    if not known.any():
        return [], []
    rows = np.flatnonzero(known)
    differences = (predicted - expected)[rows]
    return (
        [_agreement(expected[rows], predicted[rows], differences)],
        [_hardest(scored, rows, expected, predicted), _suspects(scored, rows, expected, predicted)],
    )


def _agreement(expected: Floats, predicted: Floats, differences: Floats) -> Part:
    size = np.abs(differences)
    edges = np.linspace(expected.min(), expected.max(), _BINS + 1)
    places = np.clip(np.digitize(expected, edges) - 1, 0, _BINS - 1)
    used = np.unique(places)
    centres = np.asarray([expected[places == place].mean() for place in used])
    means = np.asarray([differences[places == place].mean() for place in used])
    heights, steps = np.histogram(differences, _HISTOGRAM_BINS)
    mean, middle, far = float(differences.mean()), float(np.median(size)), float(np.quantile(size, 0.95))
    tiles = Tiles(
        [
            Tile("mean error, predicted - reference", f"{mean:+.3f}"),
            Tile("half of the errors are below", f"{middle:.3f}"),
            Tile("95 % of the errors are below", f"{far:.3f}"),
        ]
    )
    charts = Figures(
        [
            Chart(
                "Predicted against reference",
                scatter(
                    expected, predicted,
                    f"Scatter of {len(expected)} examples; half of the errors are below {middle:.3f}.",
                    x_name="reference", y_name="predicted",
                ),
                note="On the dashed line both are the same.",
            ),
            Chart(
                "Error over the scale",
                residuals(
                    expected, differences, centres, means,
                    f"Errors over the reference; the mean error is {mean:+.3f}.", x_name="reference",
                ),
                ["each example", "mean"],
                "Above the dashed line the model says too much, below too little.",
            ),
            Chart(
                "How large the errors are",
                histogram(
                    steps.tolist(), [heights.tolist()],
                    f"Histogram of the errors; 95 % are below {far:.3f} in size.",
                    x="predicted - reference",
                ),
            ),
        ]
    )  # fmt: skip
    return Part("Agreement", [tiles, charts])


def _hardest(scored: Scored, rows: np.ndarray, expected: Floats, predicted: Floats) -> Part:
    size = np.abs(predicted - expected)[rows]
    order = rows[np.argsort(-size, kind="stable")][:HARDEST]
    wrong = int((size > 0).sum())
    shown = [
        _shown(scored, int(row), expected, predicted) for row in order if predicted[row] != expected[row]
    ]
    return hardest_part(shown, wrong, len(rows), "The largest differences first.")


def _suspects(scored: Scored, rows: np.ndarray, expected: Floats, predicted: Floats) -> Part:
    found = outliers((predicted - expected)[rows])
    shown = [_shown(scored, int(rows[index]), expected, predicted) for index in found[:SUSPECTS]]
    return suspects_part(
        shown,
        len(found),
        f"Examples whose error is more than {OUTLIER_DEVIATIONS} deviations from the median error, the "
        "deviation estimated from the median one (Iglewicz and Hoaglin 1993). Either the label or the model "
        "is wrong: read them.",
    )


def _shown(scored: Scored, row: int, expected: Floats, predicted: Floats) -> ShownExample:
    example = scored.examples[row]
    facts = [
        Fact("predicted", f"{predicted[row]:.4g}", f"off by {predicted[row] - expected[row]:+.4g}", "wrong"),
        Fact("reference", f"{expected[row]:.4g}", "", "expected"),
    ]
    return ShownExample(short(example.id), facts, example_lines(example, scored.text_names))
