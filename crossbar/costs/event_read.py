"""Reads of an array by events: only rows whose input is not zero are driven, each for as long as its input is large."""

from crossbar.costs.constants import constant
from crossbar.costs.energy import conversion_pJ, device_read_pJ
from crossbar.costs.interval import Interval

_DEVICES_PER_WEIGHT = 2


def event_read_pJ(
    n_out: int,
    driven_rows: float,
    full_rows: float,
    adc_bits: int = 8,
    mean_g_uS: float | None = None,
    sharing: int = 1,
    row_arrays: int = 1,
    column_arrays: int = 1,
) -> Interval:
    """Energy of one product of a weight matrix on differential pairs with an input vector.

    Args:
        n_out: columns, each of which is converted once per array that holds a part of it.
        driven_rows: rows whose input is not zero.
        full_rows: what their inputs add up to, an input of full scale, or a spike, counting 1: a row conducts for as
            long as its input is large.
        adc_bits: of the conversion.
        mean_g_uS: mean conductance of a device; None for the constants' assumption.
        sharing: K, devices per polarity.
        row_arrays: arrays that hold a part of a column.
        column_arrays: arrays that hold a part of a row, each with a driver of its own.
    """
    return (
        row_arrays * n_out * conversion_pJ(adc_bits)
        + column_arrays * driven_rows * constant("row_driver_pJ")
        + full_rows * n_out * _DEVICES_PER_WEIGHT * sharing * device_read_pJ(mean_g_uS)
    )
