"""How a device reads some time after its last pulse."""

from typing import NamedTuple


class ReadLaw(NamedTuple):
    """`G (t / reference_s)^-nu + N(0, noise_slope G + noise_offset_uS)` at the time t since the last pulse.

    Attributes:
        nu: drift exponent.
        reference_s: time after a pulse at which G holds, s.
        noise_slope: part of the noise's std that grows with G.
        noise_offset_uS: constant part of the noise's std, µS.
    """

    nu: float
    reference_s: float
    noise_slope: float
    noise_offset_uS: float
