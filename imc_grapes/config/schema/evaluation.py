"""``evaluation:`` when and how often the trained network is tested."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from crossbar.drift_compensation import CompensationRead
from imc_grapes.config.schema.section import Section


class EvaluationConfig(Section):
    """Accuracy after programming and later."""

    times_s: tuple[Annotated[float, Field(ge=0.0)], ...] | None = Field(None, min_length=1)
    """Seconds since programming at which accuracy is measured; null: 25 s, 1 hour, 1 day, 1 month and 1 year on
    hardware that drifts, nothing on hardware that does not."""
    repeats: int = Field(10, ge=1)
    """Times that the network is programmed anew; mean and standard deviation are over these."""
    drift_compensation: Literal["none", "global", "both"] = "both"
    """global: one factor per array, from a read of the whole array, undoes the mean drift | none: no factor | both:
    evaluate with and without."""
    compensation_read: CompensationRead = "weights"
    """What that read sums up. weights: the magnitudes of all weights, one row at a time, as aihwkit does |
    conductances: the currents of the devices of both polarities, all rows at once."""
    read_noise: bool = True
    """Read noise of the device model of tiles trained in place, at every time of times_s, whatever hardware.read.noise
    says about training; hardware.statistics have their own."""

    target_accuracy: float | None = Field(None, gt=0.0, le=1.0)
    """Count the epochs until the validation accuracy is that high, a fraction in (0, 1]; null: do not count."""

    @field_validator("times_s")
    @classmethod
    def _each_time_once(cls, times_s: tuple[float, ...] | None) -> tuple[float, ...] | None:
        for time_s in times_s or ():
            if (times_s or ()).count(time_s) > 1:
                raise ValueError(f"holds {time_s:g} s twice")
        return times_s
