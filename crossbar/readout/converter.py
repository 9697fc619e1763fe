"""The analog-to-digital converter at the end of a column, as far as an importance readout uses it."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_MOST_HALVINGS = 16
"""An integration time can be made that many times twice as long."""


class Converted(NamedTuple):
    """Digitised signals.

    Attributes:
        values: float64, of the shape of the signals, in their unit.
        full_scale: the largest value that the converter could have shown.
    """

    values: Values
    full_scale: float


def convert(
    signals: Values,
    largest: float,
    bits: int | None,
    adc_range: Literal["auto"] | float,
    *,
    signed: bool,
) -> Converted:
    """Digitise the signals of one tile's columns.

    Args:
        signals: any shape; from 0 on unless `signed`.
        largest: the largest signal that the array can deliver.
        bits: resolution: 2^bits codes from 0 to full scale, or, if signed, 2^bits - 1 around 0; None for infinite.
        adc_range: see `Readout`.
        signed: whether signals of both signs come.
    """
    full_scale = largest * (_range_for(signals, largest) if adc_range == "auto" else adc_range)
    if bits is None:
        return Converted(signals, full_scale)
    codes = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1
    step = full_scale / codes
    limited = np.clip(signals, -full_scale if signed else 0.0, full_scale)
    return Converted(np.rint(limited / step) * step, full_scale)


def _range_for(signals: Values, largest: float) -> float:
    peak = float(np.abs(signals).max(initial=0.0))
    fraction = 1.0
    for _ in range(_MOST_HALVINGS):
        if peak > largest * fraction / 2.0:
            break
        fraction /= 2.0
    return fraction
