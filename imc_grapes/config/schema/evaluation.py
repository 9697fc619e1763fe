"""``evaluation:`` when and how often the trained network is tested."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator

from crossbar.drift_compensation import Compensation, CompensationRead
from imc_grapes.config.schema.section import Section

_KINDS: tuple[Compensation, ...] = get_args(Compensation)
_BOTH: tuple[Compensation, ...] = ("none", "global")


def _chosen(value: Any) -> tuple[Compensation, ...]:
    """A kind, "both", or a list of kinds, in an order of its own: the same choice is the same config."""
    if value == "both":
        return _BOTH
    kinds = (value,) if isinstance(value, str) else value
    if (
        not isinstance(kinds, list | tuple)
        or not kinds
        or any(kind not in _KINDS for kind in kinds)
    ):
        raise ValueError(f"must be {', '.join(_KINDS)}, both, or a list of the first three")
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise ValueError(f"holds {kind} twice")
    return tuple(kind for kind in _KINDS if kind in kinds)


def _shortest(kinds: tuple[Compensation, ...]) -> str | list[Compensation]:
    if kinds == _BOTH:
        return "both"
    return kinds[0] if len(kinds) == 1 else list(kinds)


_Written = Compensation | Literal["both"] | Annotated[list[Compensation], Field(min_length=1)]
Compensations = Annotated[
    tuple[Compensation, ...],
    BeforeValidator(_chosen, json_schema_input_type=_Written),
    PlainSerializer(_shortest, return_type=_Written),
]


class EvaluationConfig(Section):
    """Accuracy after programming and later."""

    times_s: tuple[Annotated[float, Field(ge=0.0)], ...] | None = Field(None, min_length=1)
    """Seconds since programming at which accuracy is measured; null: 25 s, 1 hour, 1 day, 1 month and 1 year on
    hardware that drifts, nothing on hardware that does not."""
    repeats: int = Field(10, ge=1)
    """Times that the network is programmed anew; mean and standard deviation are over these."""
    drift_compensation: Compensations = Field(_BOTH, json_schema_extra={"default": "both"})
    """global: one factor per array, from a read of the whole array, undoes the mean drift | column: one per column of
    an array | none: no factor | both: evaluate with none and with global; or a list of what to evaluate with."""
    compensation_read: CompensationRead = "weights"
    """What that read sums up. weights: the magnitudes of all weights, one row at a time, as aihwkit does |
    conductances: the currents of the devices of both polarities, all rows at once."""
    read_noise: bool = True
    """Read noise of the device model of tiles trained in place, at every time of times_s, whatever hardware.read.noise
    says about training; hardware.statistics have their own."""
    batch_norm: Literal["fixed", "recalibrated"] = Field(
        "fixed", exclude_if=lambda chosen: chosen == "fixed"
    )
    """Mean and variance of batch normalisation after programming. fixed: as trained | recalibrated: measured again on
    calibration samples at every time, with the devices as they are then (adaptive batch normalisation)."""
    calibration_samples: int = Field(1000, ge=2, exclude_if=lambda samples: samples == 1000)
    """Training samples, the first in the data set's order, on which batch normalisation is recalibrated and the ranges
    of converters (hardware.io) are calibrated; 1000 means at most so many. Samples for validation and test are never
    among them."""

    target_accuracy: float | None = Field(None, gt=0.0, le=1.0)
    """Count the epochs until the validation accuracy is that high, a fraction in (0, 1]; null: do not count."""

    @field_validator("times_s")
    @classmethod
    def _each_time_once(cls, times_s: tuple[float, ...] | None) -> tuple[float, ...] | None:
        for time_s in times_s or ():
            if (times_s or ()).count(time_s) > 1:
                raise ValueError(f"holds {time_s:g} s twice")
        return times_s
