"""Human-readable quantities of a footprint: bits, energies, times, and what was measured."""

from typing import TYPE_CHECKING

from crossbar.costs import BASIS_NM, ENERGY_TO_BASIS, Interval
from imc_grapes.pictures.quantities import large_number

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


def area_in_words(square_micrometres: float) -> str:
    """``812 µm²``, ``0.32 mm²``."""
    if square_micrometres < 9_999.5:
        return f"{square_micrometres:.3g} µm²"
    return f"{square_micrometres / 1e6:.2g} mm²"


def prices_in_words(footprint: "Footprint") -> str:
    """Whose constants the prices are from, and what of them is scaled to which node."""
    said = "constants: crossbar/costs/constants.yaml"
    if footprint.constants:
        said += f", but for {', '.join(footprint.constants)}"
    if footprint.node_nm == BASIS_NM:
        return f"{said}, circuits at {BASIS_NM} nm"
    return (
        f"{said}. Node: energies of digital circuits (drivers, memory, registers, arithmetic, random numbers) are "
        f"scaled from {BASIS_NM} to {footprint.node_nm} nm by {1.0 / ENERGY_TO_BASIS[footprint.node_nm]:.3g} "
        "(Stillmaker and Baas 2017); devices, converters, charging of write lines, all times and all areas are not, "
        "nor own constants"
    )


def endurance_in_words(footprint: "Footprint") -> str:
    """``1e9 writes (1e6 to 2e12: 0.001 to 2,000 times as long)``."""
    writes = footprint.endurance_writes
    low, high = sorted((writes.low, writes.high))
    return (
        f"{large_number(writes.typical)} writes ({large_number(low)} to {large_number(high)}: "
        f"{large_number(low / writes.typical)} to {large_number(high / writes.typical)} times as long)"
    )


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
