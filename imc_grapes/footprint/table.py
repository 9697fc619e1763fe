"""A footprint as tables on the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossbar.costs import Interval
from imc_grapes.footprint.footprint import Footprint
from imc_grapes.footprint.words import bits_in_words, energy_in_words, time_in_words
from imc_grapes.words import bytes_in_words


def print_footprint(footprint: Footprint, console: Console) -> None:
    """Memory, then energy and time; one row per method."""
    config = footprint.config
    weights = sum(layer.weights for layer in footprint.layers)
    console.print(
        Text(
            f"One update of {config.name}: {weights:,} weights, batches of {config.data.batch_size}"
        )
    )
    memory = _table("state", "chi", "registers", "host state", "host peak")
    costs = _table("energy", "low - high", "time")
    for one in footprint.methods:
        bits, energy = one.cost.bits, one.cost.total_energy_pJ
        memory.add_row(
            one.compared.label,
            bits_in_words(bits.state),
            bits_in_words(bits.accumulator),
            bits_in_words(bits.registers),
            bytes_in_words(one.host.state_bytes),
            bytes_in_words(one.host.step_peak_bytes),
        )
        costs.add_row(
            one.compared.label,
            energy_in_words(energy.typical),
            _range_in_words(energy),
            time_in_words(one.cost.time_ns.typical),
        )
    console.print(memory)
    console.print(
        "state, chi: kept on the chip from one update to the next; registers: during one. host: bytes of the live "
        "arrays, and most bytes that one update allocates at once, each method in a fresh process.",
        highlight=False,
    )
    console.print(costs)
    console.print(
        f"For the pulses counted in {footprint.updates} updates on {footprint.data}, by the constants of "
        "crossbar/costs/constants.yaml.",
        highlight=False,
    )
    feedback, plain = footprint.error_reads, footprint.backpropagation_reads
    if feedback is not None and plain is not None:
        console.print(
            f"Errors go upstream by {config.training.error_transport}, through {feedback.weights:,} feedback weights "
            f"on {feedback.devices:,} devices of their own: "
            f"{energy_in_words(feedback.energy_pJ.typical)} a mini-batch, where backpropagation takes "
            f"{energy_in_words(plain.energy_pJ.typical)} through {plain.weights:,} weights.",
            highlight=False,
        )


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("method")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _range_in_words(interval: Interval) -> str:
    return f"{energy_in_words(interval.low)} - {energy_in_words(interval.high)}"
