"""Which of the things that make devices and circuits differ from ideal ones take part."""

from device_models.faults import Faults
from device_models.inference.programming_noise import ProgrammingNoise
from device_models.inference.projected import ProjectedDrift
from device_models.inference.read_noise import ReadNoise
from device_models.inference.spread import SMALLEST_G_MAX_FACTOR
from device_models.inference.statistics import InferenceStatistics
from device_models.parameters import Parameters


class Nonidealities(Parameters):
    """What programmed arrays suffer from: all of it, unless it is switched off.

    One that is off leaves the random numbers of all others as they are.
    """

    programming: bool = True
    """The error of programming; off: every device holds its target, unless it is stuck."""
    drift: bool = True
    """The decay of conductances; off: all drift exponents are 0."""
    read_noise: bool = True
    """The noise of every read; off: reads find the drifted conductances."""
    converters: bool = True
    """DAC and ADC with their noises and bounds; off: products are exact."""
    wires: bool = True
    """The resistance of the wires; off: none."""
    faults: bool = True
    """Devices that are stuck; off: none is."""

    @classmethod
    def only(cls, name: str) -> "Nonidealities":
        """One of them alone."""
        return cls(**{each: each == name for each in cls.model_fields})

    def left_in(self, statistics: InferenceStatistics) -> InferenceStatistics:
        """The statistics without what is switched off.

        Without the error of programming, no device is too small for its target either, whatever the spread of g_max.
        """
        parts: dict[str, object] = {}
        if not self.programming:
            parts["programming"] = ProgrammingNoise(scale=0.0)
            if statistics.spread.g_max > 0.0:
                parts["headroom"] = max(statistics.headroom, 1.0 / SMALLEST_G_MAX_FACTOR)
        if not self.drift:
            parts["drift"] = ProjectedDrift(nu=0.0, nu_std=0.0, t0_s=statistics.drift.t0_s)
        if not self.read_noise:
            parts["read_noise"] = ReadNoise(scale=0.0)
        if not self.faults:
            parts["faults"] = Faults()
        return statistics.model_copy(update=parts)


def nonidealities_of(statistics: InferenceStatistics) -> list[str]:
    """Names of those that devices of these statistics have: stuck ones only if any is."""
    stuck = statistics.faults.stuck_reset > 0.0 or statistics.faults.stuck_set > 0.0
    return ["programming", "drift", "read_noise", *(["faults"] if stuck else [])]
