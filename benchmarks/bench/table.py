"""Figures, the goals they are held against, and the table of them; nothing here measures anything."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

HEADINGS = ("what", "operator", "floor", "ratio", "floor, same requests", "ratio", "goal", "")


@dataclass(frozen=True, slots=True)
class Goal:
    """At most so much; of the figure itself, or of its ratio to the bare floor."""

    most: float
    of: Literal["figure", "ratio"] = "figure"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the operator's, beside those of the floor where it has such.

    NaN is nothing measured, and infinity is what did not happen while it was watched.
    """

    what: str
    operator: float
    unit: str = ""
    floor: float | None = None
    same: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Of the operator to the bare floor."""
        return _ratio(self.operator, self.floor)

    @property
    def holds(self) -> bool | None:
        """Whether it meets its goal; None where it has none."""
        if self.goal is None:
            return None
        measured = self.operator if self.goal.of == "figure" else self.ratio
        return measured is not None and measured <= self.goal.most

    def cells(self) -> tuple[str, ...]:
        """As a row of the table."""
        return (
            self.what,
            _number(self.operator) + (f" {self.unit}" if self.unit and math.isfinite(self.operator) else ""),
            _number(self.floor),
            _number(self.ratio),
            _number(self.same),
            _number(_ratio(self.operator, self.same)),
            _goal(self.goal, self.unit),
            {None: "", True: "holds", False: "MISSED"}[self.holds],
        )

    def to_json(self) -> dict[str, Any]:
        """As it stands in the JSON file."""
        return {
            "what": self.what,
            "unit": self.unit,
            "operator": _finite(self.operator),
            "floor": self.floor,
            "floor_same_requests": self.same,
            "ratio": _finite(self.ratio),
            "goal": None if self.goal is None else {"most": self.goal.most, "of": self.goal.of},
            "holds": self.holds,
        }


def render(figures: Sequence[Figure]) -> str:
    """Write a table that reads well as text and as Markdown, without the columns that no figure fills."""
    cells = [figure.cells() for figure in figures]
    filled = [column for column in range(len(HEADINGS)) if any(row[column] for row in cells)]
    rows = [[row[column] for column in filled] for row in (HEADINGS, *cells)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(filled))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def by_request(counts: Mapping[tuple[str, str], int], items: int) -> str:
    """Write how many requests of each kind there were for an item."""
    return ", ".join(f"{verb} {what} {number / items:.2f}" for (verb, what), number in sorted(counts.items()))


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that so many percent of all are not above (nearest rank); NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(math.ceil(len(values) * percent / 100) - 1, 0)]


def _ratio(value: float, floor: float | None) -> float | None:
    return value / floor if floor else None


def _finite(value: float | None) -> float | None:
    # JSON has neither infinity nor NaN.
    return value if value is not None and math.isfinite(value) else None


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "never"
    return f"{value:.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def _goal(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return ""
    return f"≤ {goal.most:g} floors" if goal.of == "ratio" else f"≤ {goal.most:g} {unit}".strip()
