"""What each method takes beside its score, as far as the summaries say: memory, devices, energy, wear."""

from dataclasses import dataclass
from typing import Any

from imc_grapes.report.analysis import Analysis


@dataclass(frozen=True)
class Cost:
    """One number of a summary that a lower value of is better."""

    name: str
    title: str
    """In words."""
    key: str
    """Where it stands in ``summary.json``, as a dotted path."""
    heading: str
    """For an axis, with its unit."""
    short_heading: str
    """For a table."""
    scale: float
    """To the unit that is shown."""
    digits: int
    how: str = ""
    """What a run needs to say it."""

    def of(self, summary: dict[str, Any]) -> float | None:
        """Its value in the decoded JSON of a summary, in the unit that is shown; None where there is none."""
        found: Any = summary
        for part in self.key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return None if found is None else self.scale * float(found)


MEMORY = Cost(
    "memory",
    "update memory",
    "optimizer_state_bytes",
    "update state kept between updates (kbit)",
    "update state (kbit)",
    8e-3,
    1,
)
BESIDE_MEMORY = (
    Cost(
        "devices",
        "devices",
        "pcm_devices",
        "PCM devices (thousands)",
        "devices (thousands)",
        1e-3,
        1,
    ),
    Cost(
        "energy",
        "energy of a training step",
        "step_cost.energy_pJ",
        "energy of a training step, typical (µJ)",
        "step (µJ)",
        1e-6,
        2,
        "runs older than this key do not have it",
    ),
    Cost(
        "wear",
        "wear of the devices",
        "wear.pulses_per_update_mean",
        "pulses of a device in an update, mean",
        "pulses per device and update",
        1.0,
        4,
        "hardware.wear: true counts them",
    ),
)
COSTS = (MEMORY, *BESIDE_MEMORY)


def costs_of(summaries: list[dict[str, Any]]) -> dict[str, float]:
    """By name: the mean of each cost over trials, where all of them say it."""
    found = {}
    for cost in COSTS:
        values = [cost.of(one) for one in summaries]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[cost.name] = sum(known) / len(known)
    return found


def trains_on_tiles(analysis: Analysis) -> bool:
    """Whether any trial is on tiles whose devices are trained, so that every cost could be known."""
    hardware = (trial["config"]["hardware"] for trial in analysis.sweep.trials)
    return any(
        one["tile"] == "pcm" and one.get("update", {}).get("kind") != "software" for one in hardware
    )
