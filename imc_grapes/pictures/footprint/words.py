"""Human-readable quantities of a footprint: bits, energies, times, and what was measured."""

from typing import TYPE_CHECKING

from crossbar.costs import Interval

if TYPE_CHECKING:
    from imc_grapes.experiment.footprint.footprint import Footprint


def bits_in_words(bits: float) -> str:
    """``0``, ``812 bit``, ``6.35 Mbit``."""
    return "0" if bits == 0 else f"{_scaled(bits, ('', 'k', 'M', 'G', 'T'))}bit"


def energy_in_words(picojoules: float) -> str:
    """``812 pJ``, ``1.43 µJ``."""
    return f"{_scaled(picojoules, ('p', 'n', 'µ', 'm', ''))}J"


def range_in_words(picojoules: Interval) -> str:
    """``0.357 - 1.68 µJ``."""
    high, prefix = energy_in_words(picojoules.high).split()
    low = picojoules.low * float(high) / picojoules.high
    return f"{low:.3g} - {high} {prefix}"


def time_in_words(nanoseconds: float) -> str:
    """``812 ns``, ``37.5 µs``."""
    return f"{_scaled(nanoseconds, ('n', 'µ', 'm', ''))}s"


def operands_in_words(footprint: "Footprint") -> str:
    """``8-bit operands``: word length of the inputs and errors that are multiplied."""
    bits = footprint.methods[0].compared.method.operand_bits
    return "float32 operands" if bits is None else f"{bits}-bit operands"


def training_in_words(footprint: "Footprint") -> str:
    """When in a training pulses and conductances were measured."""
    where = "" if footprint.run is None else f" going on from {footprint.run.name}"
    return (
        f"updates {footprint.after + 1} to {footprint.after + footprint.updates} of each training{where} on "
        f"{footprint.data}"
    )


def _scaled(value: float, prefixes: tuple[str, ...]) -> str:
    index = 0
    while value >= 999.5 and index < len(prefixes) - 1:
        value, index = value / 1000.0, index + 1
    return f"{value:.3g} {prefixes[index]}"
