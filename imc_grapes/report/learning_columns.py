"""What a summary says beside the score, as columns of the report: mean and spread over seeds."""

from dataclasses import dataclass

import pandas as pd

from imc_grapes.data.metric import NLL_PER_CHORALE


@dataclass(frozen=True)
class LearningColumn:
    """One number of a summary, and how it is written."""

    key: str
    heading: str
    scale: float
    digits: int

    def of(self, rows: pd.DataFrame) -> str | None:
        """Its mean ± sample standard deviation over the trials in `rows`; None where no trial says."""
        if self.key not in rows:
            return None
        known = rows[self.key].dropna().astype(float) * self.scale
        if not known.size:
            return None
        mean = f"{known.mean():.{self.digits}f}"
        return mean if len(known) == 1 else f"{mean} ± {known.std():.{self.digits}f}"


LEARNING_COLUMNS = (
    LearningColumn(
        f"test_{NLL_PER_CHORALE.name}",
        f"{NLL_PER_CHORALE.label} as trained ({NLL_PER_CHORALE.short_unit})",
        NLL_PER_CHORALE.scale,
        NLL_PER_CHORALE.digits,
    ),
    LearningColumn("slowness", "slowness (epochs)", 1.0, 2),
    LearningColumn("epochs_to_target", "epochs to target", 1.0, 1),
    LearningColumn("forgetting", "forgetting (points)", 100.0, 1),
)
