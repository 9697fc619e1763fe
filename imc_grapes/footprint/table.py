"""A footprint as a table on the terminal."""

from rich.console import Console
from rich.table import Table

from imc_grapes.footprint.footprint import Footprint
from imc_grapes.footprint.words import bits_in_words, energy_in_words, time_in_words
from imc_grapes.words import bytes_in_words


def print_footprint(footprint: Footprint, console: Console) -> None:
    """One row per method."""
    weights = sum(layer.weights for layer in footprint.layers)
    table = Table(
        title=f"One update of {footprint.config.name}: {weights:,} weights, "
        f"batch of {footprint.config.data.batch_size}",
        caption="On the chip: optimizer state and chi between updates, registers during one; energy and time by "
        "the constants of crossbar/costs/constants.yaml (low - high), for the pulses counted in "
        f"{footprint.updates} updates on {footprint.data}. On this machine: bytes of live arrays, in a fresh "
        "process.",
    )
    table.add_column("method")
    for heading in (
        "state",
        "chi",
        "registers",
        "host state",
        "host step peak",
        "energy",
        "(low - high)",
        "time",
    ):
        table.add_column(heading, justify="right")
    for one in footprint.methods:
        energy = one.cost.total_energy_pJ
        table.add_row(
            one.compared.label,
            bits_in_words(one.cost.bits.state),
            bits_in_words(one.cost.bits.accumulator),
            bits_in_words(one.cost.bits.registers),
            bytes_in_words(one.host.state_bytes),
            bytes_in_words(one.host.step_peak_bytes),
            energy_in_words(energy.typical),
            f"{energy_in_words(energy.low)} - {energy_in_words(energy.high)}",
            time_in_words(one.cost.time_ns.typical),
        )
    console.print(table)
