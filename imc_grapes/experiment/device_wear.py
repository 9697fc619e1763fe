"""How the pulses of a run spread over its devices, for ``summary.json``."""

from typing import Any

import numpy as np
from torch import nn

from imc_grapes.costs.wear import (
    LIFETIME_ASSUMPTION,
    QUANTILES,
    DevicePulses,
    Pulses,
    device_pulses,
    lifetime_updates,
)
from imc_grapes.summary import DevicePulseCounts, Lifetime, Wear


def measure_wear(model: nn.Module, written: DevicePulses | None) -> dict[str, Any]:
    """``wear``: what the devices have had; nothing where nobody counts.

    Args:
        model: the trained network.
        written: what they had had before the training: writing the initial weights is not repeated by each update.
    """
    had = device_pulses(model)
    if had is None or written is None:
        return {}
    trained = had.since(written)
    mean = largest = None
    if trained.updates:
        mean, largest = trained.mean_per_update, trained.most_per_update
    wear = Wear(
        updates=trained.updates,
        set_pulses=_counts(had.set_pulses),
        reset_pulses=_counts(had.reset_pulses),
        pulses_per_update_mean=mean,
        pulses_per_update_largest=largest,
        lifetime_updates_mean=_lifetime(mean),
        lifetime_updates_largest=_lifetime(largest),
        lifetime_assumption=LIFETIME_ASSUMPTION,
    )
    return {"wear": wear}


def _counts(pulses: Pulses) -> DevicePulseCounts:
    values = np.quantile(pulses, QUANTILES, method="inverted_cdf")
    return DevicePulseCounts(
        total=int(pulses.sum()),
        mean=float(pulses.mean()),
        largest=int(pulses.max()),
        quantiles={str(share): int(n) for share, n in zip(QUANTILES, values, strict=True)},
    )


def _lifetime(pulses_per_update: float | None) -> Lifetime | None:
    found = None if pulses_per_update is None else lifetime_updates(pulses_per_update)
    return None if found is None else Lifetime(**found.as_dict())
