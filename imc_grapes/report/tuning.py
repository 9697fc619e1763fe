"""Which value of the tuned key each method takes, decided on validation data alone."""

from typing import Literal

import pandas as pd

from imc_grapes.data.metric import Metric

GROUP = ["method", "setting"]
Edge = Literal["lowest", "highest"]


def with_chosen(trials: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """`trials` with a column `chosen`: whether the trial has the value of the tuned key that its method takes there.

    A method takes, on each setting, the value with the best mean validation score over the seeds. A value at which
    a seed failed is taken only where every value has failures; of equals, the first in the sweep file.

    Args:
        trials: one row per trial, with method, setting, tuned, seed, status and the validation score.
        metric: what the score is, and which direction of it is better.
    """
    if trials["tuned"].isna().all():
        return trials.assign(chosen=True)
    by_value = (
        trials.assign(
            failed=trials["status"] == "failed",
            done=trials["status"] == "done",
            validation=pd.to_numeric(trials[f"validation_{metric.name}"]).fillna(metric.worst),
        )
        .groupby([*GROUP, "tuned"], sort=False)
        .agg(failed=("failed", "any"), validation=("validation", "mean"), done=("done", "any"))
        .reset_index()
    )
    ranked = by_value[by_value["done"]].sort_values(
        ["failed", "validation"], ascending=[True, not metric.higher_is_better], kind="stable"
    )
    best = ranked.groupby(GROUP, sort=False).first().reset_index()[[*GROUP, "tuned"]]
    best_keys = pd.MultiIndex.from_frame(best)
    keys = pd.MultiIndex.from_frame(trials[[*GROUP, "tuned"]])
    return trials.assign(chosen=keys.isin(best_keys))


def edges_taken(trials: pd.DataFrame) -> dict[tuple[str, str], Edge]:
    """By series and facet: who takes the lowest or the highest of the values it was offered.

    A best value there is not known to be the best. Values that failed or are still to be run count: they were offered.
    A single value was no choice, and what is no number has no order.

    Args:
        trials: one row per trial, with series, facet, tuned and chosen.
    """
    values = trials["tuned"]
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return {}
    edges: dict[tuple[str, str], Edge] = {}
    for (series, facet), rows in trials.groupby(["series", "facet"], sort=False):
        low, high = rows["tuned"].min(), rows["tuned"].max()
        taken = set(rows.loc[rows["chosen"], "tuned"])
        if low < high and taken & {low, high}:
            edges[str(series), str(facet)] = "lowest" if low in taken else "highest"
    return edges
