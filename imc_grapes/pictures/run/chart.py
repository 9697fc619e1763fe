"""A chart in the style of the reports, with the data of each of its parts in it."""

from typing import Any

import altair as alt
import pandas as pd

from imc_grapes.pictures.style import CONFIG


def records(frame: pd.DataFrame) -> alt.Data:
    """A data frame as inline data of a chart."""
    return alt.Data(values=frame.to_dict(orient="records"))


def finished(chart: Any) -> dict[str, Any]:
    """The chart as Vega-Lite in the common style."""
    spec: dict[str, Any] = chart.to_dict()
    spec["config"] = CONFIG
    return spec
