"""Which swept settings have pictures of their own: numbers along an axis, or two axes as a map."""

import pandas as pd

from imc_grapes.report.analysis import Analysis
from imc_grapes.store.labels import short_keys


def setting_axes(analysis: Analysis) -> list[str]:
    """Names of the axes that say on what networks are trained, those with most choices first."""
    axes = [
        axis
        for axis in analysis.sweep.axes
        if axis["role"] == "setting" and len(axis["choices"]) > 1
    ]
    return [axis["name"] for axis in sorted(axes, key=lambda axis: -len(axis["choices"]))]


def is_numeric(analysis: Analysis, axis: str) -> bool:
    """Whether every value along the axis is a number."""
    return bool(pd.api.types.is_numeric_dtype(analysis.trials[axis]))


def short_name(analysis: Analysis, axis: str) -> str:
    """The axis without the sections that its key stands in."""
    return short_keys([one["name"] for one in analysis.sweep.axes]).get(axis, axis)


def shown_values(analysis: Analysis, axis: str) -> pd.Series:
    """Where each chosen trial stands along the axis: numbers, or words if any value is none, since a chart's axis holds
    one kind."""
    values = analysis.chosen[axis]
    return values if is_numeric(analysis, axis) else values.map(str)
