"""The table of the baselines."""

from __future__ import annotations

import io
import math

from rich.console import Console
from rich.table import Table

from bertkit.cli.baseline_tables import baseline_rows, baseline_table


def lines_of(table: Table) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def test_points_are_added_and_errors_taken_away() -> None:
    found = {"v": {"mean": {"pearson": math.nan, "mse": 2.0}, "tfidf_ridge": {"pearson": 0.6, "mse": 0.5}}}
    lines = lines_of(baseline_table(found, {"v": {"pearson": 0.875, "mse": 1.25}}))
    assert lines[0].split() == ["split", "metric", "encoder", "mean", "TF-IDF", "+", "ridge", "regression"]
    assert lines[1].split() == ["v", "pearson", "87.50", "nan", "60.00", "(+27.50)"]
    assert lines[2].split() == ["v", "mse", "1.2500", "2.0000", "(-0.7500)", "0.5000", "(+0.7500)"]


def test_what_the_encoder_does_not_reach_is_marked() -> None:
    found = {"v": {"mean": {"mse": 2.0}, "tfidf_ridge": {"mse": 0.5}}}
    table = baseline_table(found, {"v": {"mse": 1.25}})
    styles = [next(iter(column.cells)).style for column in table.columns]  # type: ignore[union-attr]
    assert styles[-2:] == ["", "yellow"]


def test_alone_and_none_at_all() -> None:
    found = {"v": {"majority_class": {"accuracy": 0.5}}, "w[/]": {"majority_class": {"accuracy": 0.25}}}
    lines = lines_of(baseline_table(found))
    assert [line.split() for line in lines] == [
        ["split", "metric", "majority", "class"], ["v", "accuracy", "50.00"], ["w[/]", "accuracy", "25.00"],
    ]  # fmt: skip
    assert baseline_rows({}) == []
