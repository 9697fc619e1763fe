"""Curves of a score: a line per method with its points, and a band of one standard deviation."""

import altair as alt

from imc_grapes.pictures import style
from imc_grapes.report.analysis import Analysis
from imc_grapes.report.charts import encodings

_BAND, _FULL, _FADED = 0.12, 1.0, 0.08


def curves(
    along_x: alt.X, analysis: Analysis, name: str, title: str, tooltips: list[alt.Tooltip]
) -> alt.LayerChart:
    """The layers, of data with the columns of `style.score_columns`.

    Args:
        along_x: the horizontal axis.
        analysis: gives each method its colour, line style and shape.
        name: of the choice in the legend, unlike that of any other picture on the page.
        title: of the vertical axis.
        tooltips: what a point tells beside its method.
    """
    picked = style.picked_in_legend(name)
    base = alt.Chart().encode(x=along_x, color=encodings.colour(analysis))
    visible = alt.condition(picked, alt.value(_FULL), alt.value(_FADED))
    band = base.mark_area().encode(
        y=style.score_axis("low:Q", title),
        y2="high:Q",
        opacity=alt.condition(picked, alt.value(_BAND), alt.value(0.0)),
    )
    line = base.mark_line(strokeWidth=2).encode(
        y="score:Q", strokeDash=encodings.dash(analysis), opacity=visible
    )
    points = (
        base.mark_point(filled=True, size=48)
        .encode(
            y="score:Q",
            shape=encodings.shape(analysis),
            opacity=visible,
            tooltip=[alt.Tooltip("series:N", title=analysis.compares), *tooltips],
        )
        .add_params(picked)
    )
    return alt.layer(band, line, points)
