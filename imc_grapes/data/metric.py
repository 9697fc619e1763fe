"""The figures of merit: which direction is better, and how people say them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Metric:
    """A figure of merit; results carry it in keys such as ``test_accuracy``.

    Scores are kept as the task measures them. Everything that is shown is a score times `scale`, in `unit`.
    """

    name: str
    higher_is_better: bool
    label: str
    """Its name in running text."""
    unit: str
    """Follows a number; empty for a plain number."""
    short_unit: str
    """The same where there is little room."""
    finding: str
    """What a network did, with a place for the score."""
    digits: int
    """Decimals of a mean over seeds; a single score gets one more."""
    margin: float
    """Differences below it do not matter, unless a sweep says otherwise; as shown."""
    scale: float = 1.0
    most: float | None = None
    """The largest score there can be, as shown; None where there is no limit."""

    def better(self, one: float, other: float) -> bool:
        """Whether `one` is better than `other`."""
        return one > other if self.higher_is_better else one < other

    def best(self, items: Iterable[Item], score: Callable[[Item], float]) -> Item:
        """The first of `items` that no other beats."""
        return max(items, key=lambda item: score(item) if self.higher_is_better else -score(item))

    @property
    def worst(self) -> float:
        """What any score is at least as good as."""
        return float("-inf") if self.higher_is_better else float("inf")

    @property
    def superlative(self) -> str:
        """What the best score is among the others."""
        return "highest" if self.higher_is_better else "lowest"

    @property
    def lead(self) -> str:
        """What the best of several gets: ``the most`` accuracy, ``the lowest`` perplexity."""
        return "the most" if self.higher_is_better else "the lowest"

    @property
    def title(self) -> str:
        """Its name at the start of a line."""
        return self.label[0].upper() + self.label[1:]

    @property
    def heading(self) -> str:
        """``accuracy (%)``, ``NLL (nats per time step)``: over an axis or a column of shown scores."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def heading_at(self, when: str) -> str:
        """``accuracy after training (%)``: the heading of scores that were measured at one time."""
        return self.heading.replace(self.label, f"{self.label} {when}", 1)

    @property
    def short_heading(self) -> str:
        """``accuracy (%)``, ``NLL (nats)``."""
        return f"{self.label} ({self.short_unit})" if self.short_unit else self.label

    @property
    def tick_format(self) -> str:
        """How a chart writes a single score, for d3."""
        return f".{self.digits + 1}f"

    def under(self, heading: str) -> str:
        """``1 year (%)``, ``test (nats)``, ``test (perplexity)``: over a column of shown scores."""
        return f"{heading} ({self.short_unit or self.label})"

    def shown(self, score: float) -> float:
        """A score in `unit`."""
        return self.scale * score

    def number(self, score: float, std: float | None = None, more_digits: int = 0) -> str:
        """``96.1``, ``96.1 ± 0.4``: a mean as shown, without its unit."""
        digits = self.digits + more_digits
        mean = f"{self.shown(score):.{digits}f}"
        return mean if std is None else f"{mean} ± {self.shown(std):.{digits}f}"

    def signed(self, difference: float) -> str:
        """``+1.3``, ``-0.25``."""
        return f"{self.shown(difference):+.{self.digits}f}"

    @property
    def difference_words(self) -> str:
        """What a difference of two scores is counted in."""
        if self.unit == "%":
            return "in percentage points"
        return f"in {self.unit}" if self.unit else f"of {self.label}"

    def gap(self, difference: float) -> str:
        """``5.3 points``, ``0.35 nats``: the size of a difference."""
        return self._in_points(self.number(abs(difference)))

    def within(self, margin: float) -> str:
        """``±0.5 points``, ``±0.05 nats``, ``±1``: a margin as it was given, in the unit that is shown."""
        return self._in_points(f"±{margin:g}")

    def _in_points(self, number: str) -> str:
        return f"{number} {'points' if self.unit == '%' else self.short_unit}".rstrip()

    def mean(self, score: float, std: float | None = None) -> str:
        """``96.1 ± 0.4 %``: a mean with its unit."""
        return f"{self.number(score, std)} {self.short_unit}".rstrip()

    def single(self, score: float) -> str:
        """``accuracy 97.31 %``, ``NLL 8.420 nats``, ``perplexity 110.40``: the score of one network."""
        return f"{self.label} {self.number(score, more_digits=1)} {self.short_unit}".rstrip()

    def found(self, score: float, std: float | None) -> str:
        """``gets 96.1 ± 0.4 % of the test images right``: a mean in a sentence."""
        return self.finding.format(self.number(score, std))


ACCURACY = Metric(
    name="accuracy",
    higher_is_better=True,
    label="accuracy",
    unit="%",
    short_unit="%",
    finding="gets {} % of the test images right",
    digits=1,
    margin=0.5,
    scale=100.0,
    most=100.0,
)
"""Fraction of the samples that are classified correctly."""
NLL = Metric(
    name="nll",
    higher_is_better=False,
    label="NLL",
    unit="nats per time step",
    short_unit="nats",
    finding="reaches a negative log-likelihood of {} nats per time step on the test chorales",
    digits=2,
    margin=0.05,
)
"""Negative log-likelihood of a time step, in nats: the mean over all time steps of all chorales."""
NLL_PER_CHORALE = replace(NLL, name="nll_per_chorale", label="NLL per chorale")
"""The same, as the mean over chorales of each one's mean, in which a short chorale counts as much as a long one.

Published figures are of this kind: the marginals of the notes that stand beside them, 11.04, come out so on the test
chorales; over all time steps they give 11.09.
"""
PERPLEXITY = Metric(
    name="perplexity",
    higher_is_better=False,
    label="perplexity",
    unit="",
    short_unit="",
    finding="reaches a perplexity of {} on the test text",
    digits=1,
    margin=1.0,
)
"""Exponential of the mean negative log-likelihood of a word."""

_BY_NAME = {metric.name: metric for metric in (ACCURACY, NLL, NLL_PER_CHORALE, PERPLEXITY)}


def metric_in(scores: Mapping[str, Any]) -> Metric:
    """The metric whose test score is among `scores`, such as ``test_accuracy``; KeyError if none is."""
    return metric_named(next((name for name in _BY_NAME if f"test_{name}" in scores), ""))


def metrics_beside(metric: Metric) -> tuple[Metric, ...]:
    """What is reported beside `metric`, and decides nothing."""
    return (NLL_PER_CHORALE,) if metric is NLL else ()


def metric_named(name: str) -> Metric:
    """The metric whose name a summary gives; KeyError if there is none."""
    return _BY_NAME[name]
