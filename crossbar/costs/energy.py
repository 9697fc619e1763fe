"""Energy of counted operations."""

from crossbar.costs.constants import constant, sram_fJ_per_bit
from crossbar.costs.interval import Interval, total
from crossbar.costs.operations import Operations

_PJ_PER_FJ = 1e-3
_OPERAND_BUFFER_BITS = 64 * 8192


def conversion_pJ(bits: int) -> Interval:
    """One conversion of a column's current: that of 8 bits, times 2^(bits - 8) as in a counting converter."""
    return constant("column_conversion_pJ") * 2.0 ** (bits - 8)


def device_read_pJ(mean_g_uS: float | None) -> Interval:
    """One device of that conductance for one read; None for the conductance that the constants assume."""
    per_uS = constant("device_read_fJ_per_uS") * _PJ_PER_FJ
    return per_uS * (constant("mean_conductance_uS") if mean_g_uS is None else mean_g_uS)


def energy_pJ(operations: Operations, mean_g_uS: float | None) -> Interval:
    """Energy of these operations.

    Args:
        operations: counts.
        mean_g_uS: mean conductance of a device, for the reads.
    """
    counted = operations
    state = counted.state_bits_per_tile
    return total(
        (
            counted.conversions * conversion_pJ(counted.adc_bits),
            counted.driven_rows * constant("row_driver_pJ"),
            counted.device_reads * device_read_pJ(mean_g_uS),
            counted.state_bits_read * _PJ_PER_FJ * sram_fJ_per_bit("read", state),
            counted.state_bits_written * _PJ_PER_FJ * sram_fJ_per_bit("write", state),
            counted.operand_bits * _PJ_PER_FJ * sram_fJ_per_bit("read", _OPERAND_BUFFER_BITS),
            counted.operand_bits * _PJ_PER_FJ * sram_fJ_per_bit("write", _OPERAND_BUFFER_BITS),
            counted.register_bits * _PJ_PER_FJ * constant("register_fJ"),
            counted.int8_multiplies * constant("int8_multiply_pJ"),
            counted.int32_adds * constant("int32_add_pJ"),
            counted.fp32_multiplies * constant("fp32_multiply_pJ"),
            counted.fp32_adds * constant("fp32_add_pJ"),
            counted.fp32_divisions * constant("fp32_divide_or_root_pJ"),
            counted.stochastic_bits * _PJ_PER_FJ * constant("stochastic_bit_fJ"),
            counted.lfsr_steps * _PJ_PER_FJ * constant("lfsr_step_fJ"),
            counted.pulse_lines * constant("line_charge_write_pJ"),
            counted.set_pulses * constant("set_pulse_pJ"),
            counted.reset_pulses * constant("reset_pulse_pJ"),
        )
    )
