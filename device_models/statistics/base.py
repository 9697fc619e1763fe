"""What a named set of statistics gives: programming noise, drift, read noise."""

from collections.abc import Callable, Mapping
from typing import Any

from device_models.inference.statistics import InferenceStatistics
from device_models.parameters import Parameters
from device_models.registry import Registry
from kernels.errors import InputError

Parts = Mapping[str, Parameters]
PARTS = ("programming", "drift", "read_noise")

STATISTICS: Registry[Callable[[], Parts | InferenceStatistics]] = Registry(
    "hardware.statistics.preset", "device_models.statistics"
)
"""Functions that return parts of `InferenceStatistics` by name; what is left out is as in pcm_nandakumar2019."""


def parts_of(name: str) -> dict[str, Any]:
    """The parts of the statistics registered as `name`.

    Raises:
        InputError: there are none, or their function fails or returns something else.
    """
    with STATISTICS.blaming(name):
        parts: Any = STATISTICS[name]()
        if isinstance(parts, InferenceStatistics):
            others = parts.model_fields_set - set(PARTS)
            if others:
                raise InputError(
                    f"returned statistics with {', '.join(sorted(others))}, which belong to the config that uses them"
                )
            parts = {part: getattr(parts, part) for part in PARTS}
        if not isinstance(parts, Mapping) or not set(parts) <= set(PARTS):
            raise TypeError(
                f"must return InferenceStatistics, or a mapping with the keys {', '.join(PARTS)} (got {parts!r})"
            )
    return dict(parts)
