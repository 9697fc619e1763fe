"""Validation against the published 256x256 HERMES core: the energy of a matrix-vector product."""

from crossbar.costs.constants import constant
from crossbar.costs.energy import conversion_pJ, device_read_pJ
from crossbar.costs.interval import Interval

HERMES_MVM_PJ = 12480.0
"""10.5 TOPS/W and 1.008 TOPS at 130 ns: doi 10.1109/JSSC.2022.3140414 (abstract), computed."""

_SIZE = 256
_DEVICES_PER_CELL = 4
_ADC_BITS = 8


def core_mvm_pJ() -> Interval:
    """Energy of one matrix-vector product of such a core, with four devices per cell at the assumed mean conductance.

    The price of a conversion was taken from the same core, by a share that others report; what is tested here is
    whether the array, at the assumed read voltage and conductance, makes up the rest.
    """
    return (
        _SIZE * conversion_pJ(_ADC_BITS)
        + _SIZE * constant("row_driver_pJ")
        + _SIZE * _SIZE * _DEVICES_PER_CELL * device_read_pJ(None)
    )
