"""What probabilities are worth: how well they order, and whether they can be taken at their word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bertkit.evaluation.curves import (
    Curve,
    Floats,
    precision_recall_curve,
    reliability,
    roc_curve,
    thinned,
)
from bertkit.report.blocks import Chart, Figures, Part
from bertkit.report.charts import POINTS, histogram, reliability_diagram, unit_curves
from bertkit.report.passages import short
from bertkit.report.wording import percent

CURVES = 6  # classes whose curves are drawn; of more, those that are told apart the worst
_CONFIDENCE_BINS = 20


class Separation:
    """The curves of each class against all others.

    Args:
        names: of the classes.
        is_member: (examples, classes) what is right.
        probabilities: (examples, classes).
    """

    def __init__(self, names: Sequence[str], is_member: NDArray[np.bool_], probabilities: Floats) -> None:
        self._names = names
        columns = list(zip(is_member.T, probabilities.T, strict=True))
        self._precisions = [precision_recall_curve(*column) for column in columns]
        self._rocs = [roc_curve(*column) for column in columns]

    @property
    def columns(self) -> list[tuple[str, Mapping[str, str]]]:
        """The areas by class, as columns of a table."""
        both = (("average precision", self._precisions), ("area under ROC", self._rocs))
        return [
            (title, {name: percent(curve.area) for name, curve in zip(self._names, curves, strict=True)})
            for title, curves in both
        ]

    def part(self, *, mirrored: bool = False, what: str = "class") -> Part:
        """The curves, of the worst classes where there are many.

        Args:
            mirrored: there are two classes, and what is not the one is the other.
            what: is told apart.
        """
        chosen = [n for n, curve in enumerate(self._rocs) if curve.area == curve.area]
        lead = f"Each {what} against all that is not."
        if mirrored:
            chosen = [n for n in chosen if n == 1]
            lead = f"{short(self._names[1])} against {short(self._names[0])}."
        elif len(chosen) > CURVES:
            chosen = sorted(chosen, key=lambda n: self._precisions[n].area)[:CURVES]
            lead = f"{lead} Drawn are the {CURVES} with the lowest average precision."
        if not chosen:
            return Part("Precision and recall", [], "There is no curve where only one of two things occurs.")
        charts = [
            _curve_chart("Precision by recall", self._names, self._precisions, chosen, "average precision"),
            _curve_chart("ROC", self._names, self._rocs, chosen, "area"),
        ]
        return Part("Precision and recall", [Figures(charts)], lead)


def _curve_chart(
    title: str, names: Sequence[str], curves: Sequence[Curve], chosen: Sequence[int], area: str
) -> Chart:
    """The curves of some classes, with their areas in the legend; `ROC`, or precision by recall."""
    is_roc = title == "ROC"
    said = [f"{short(names[n], 40)} {percent(curves[n].area)}" for n in chosen]
    x, y = ("false positives", "true positives") if is_roc else ("recall", "precision")
    drawing = unit_curves(
        [thinned(curves[n], POINTS // 2) for n in chosen],
        f"{title}. {area}: {'; '.join(said)}.",
        x=x,
        y=y,
        diagonal=is_roc,
    )
    return Chart(title, drawing, said, "The dashed line is what guessing reaches." if is_roc else "")


def confidence_part(
    confidence: Floats,
    is_right: NDArray[np.bool_],
    *,
    what: str = "predictions",
    right: str = "right",
    subject: str = "confidence",
) -> Part:
    """Whether a confidence can be taken at its word.

    Args:
        confidence: (decisions,) from 0 to 1.
        is_right: (decisions,) whether what it speaks for is so.
        what: what is counted.
        right: what `is_right` says.
        subject: what `confidence` is.
    """
    found = reliability(confidence, is_right)
    mean, share = float(confidence.mean()), float(is_right.mean())
    said = (
        f"Mean {subject} {percent(mean)}, {right} {percent(share)}; expected calibration error "
        f"{percent(found.ece)}"
    )
    edges = np.linspace(0, 1, _CONFIDENCE_BINS + 1)
    heights = [np.histogram(confidence[each], edges)[0].tolist() for each in (is_right, ~is_right)]
    charts = [
        Chart(
            "Reliability",
            reliability_diagram(found, f"Reliability diagram. {said}.", x=subject, y=f"share {right}"),
            note=f"Bars end at the share that is {right}, or where the {subject} says it should. Orange, "
            "below the dashed line: too sure. Green, above it: not sure enough.",
        ),
        Chart(
            subject.capitalize(),
            histogram(
                edges.tolist(), heights, f"Histogram of the {subject} of the {what}. {said}.",
                x=subject, y=what, percent=True,
            ),
            [right, f"not {right}"],
        ),
    ]  # fmt: skip
    bins = len(found.counts)
    return Part("Calibration", [Figures(charts)], f"{said} (Guo et al. 2017, {bins} bins of equal width).")
