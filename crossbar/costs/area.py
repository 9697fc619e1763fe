"""Chip area of what a method adds, and of the devices themselves."""

from crossbar.costs.constants import constant
from crossbar.costs.interval import Interval
from crossbar.costs.state import Bits


def memory_area_um2(bits: Bits) -> Interval:
    """State, chi and tables in SRAM; registers beside it."""
    in_sram = bits.state + bits.accumulator + bits.tables
    return in_sram * constant("sram_area_um2") + bits.registers * constant("register_area_um2")


def device_area_um2(weights: int, sharing: int) -> Interval:
    """K devices per polarity at each of so many synapses, each with its transistor and its part of the array."""
    return 2.0 * sharing * weights * constant("device_area_um2")
