"""Which value of the tuned key each method takes, decided on validation data alone."""

import pandas as pd

from imc_grapes.metric import Metric

GROUP = ["method", "setting"]


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
