"""A footprint as tables on the terminal."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossbar.costs import SHARED_PARTS, Interval
from imc_grapes.costs.methods import CIRCUITS
from imc_grapes.costs.wear import LIFETIME_ASSUMPTION
from imc_grapes.experiment.footprint.footprint import Footprint, MethodFootprint
from imc_grapes.pictures.footprint.words import (
    area_in_words,
    bits_in_words,
    endurance_in_words,
    energy_in_words,
    operands_in_words,
    prices_in_words,
    range_in_words,
    time_in_words,
    training_in_words,
)
from imc_grapes.pictures.quantities import bytes_in_words, large_number


def print_footprint(footprint: Footprint, console: Console) -> None:
    """Energy of a step, rules on the same circuits side by side; what each rule adds; memory."""
    config = footprint.config
    weights = sum(layer.weights for layer in footprint.layers)
    console.print(
        Text(
            f"One training step of {config.name}: {weights:,} weights, batches of {config.data.batch_size}, "
            f"{operands_in_words(footprint)}"
        )
    )
    console.print(_steps(footprint))
    console.print(_added(footprint))
    console.print(
        "forward, backward: analog reads of the mini-batch; outer: the digital outer product of inputs and errors; all "
        "three are the same for every rule but for the conductances that it trains. adds: what the rule itself takes, "
        "and its share of the step. takes: time that the rule adds, beside that of the step. "
        "mm²: area of the memory that the circuits add, beside "
        f"{area_in_words(footprint.device_area_um2.typical)} of the devices that hold the weights. "
        f"Pulses and conductances: {training_in_words(footprint)}; {prices_in_words(footprint)}.",
        highlight=False,
        markup=False,
    )
    console.print(_memory(footprint))
    console.print(
        "state, chi: kept on the chip from one update to the next; registers: during one. host: bytes of the live "
        "arrays; peak: most bytes that one update allocates at once, each method in a fresh process.",
        highlight=False,
    )
    console.print(_wear(footprint))
    console.print(
        "SET, RESET: pulses of a device in an update, refresh included, on average; most: both, of the device that had "
        f"most in {footprint.updates} updates. lasts: updates until that device is worn out, and one with the mean, "
        f"if it endures {endurance_in_words(footprint)}. "
        f"Assumed: {LIFETIME_ASSUMPTION}.",
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


def _groups(footprint: Footprint) -> Iterator[tuple[str, list[MethodFootprint]]]:
    for kind, heading in CIRCUITS.items():
        methods = [one for one in footprint.methods if one.compared.method.update.kind == kind]
        if methods:
            yield heading, methods


def _steps(footprint: Footprint) -> Table:
    table = _table("forward", "backward", "outer", "adds", "step", "to SGD")
    for heading, methods in _groups(footprint):
        table.add_row(Text(heading, style="bold"))
        sgd = footprint.sgd_on(methods[0].compared.method.update.kind)
        for one in methods:
            parts, whole = one.cost.energy_pJ, one.cost.total_energy_pJ.typical
            table.add_row(
                one.compared.rule,
                *(_part_in_words(parts.get(part)) for part in SHARED_PARTS),
                energy_in_words(one.cost.own_energy_pJ.typical),
                energy_in_words(whole),
                f"{whole / sgd.cost.total_energy_pJ.typical:.3f}",
            )
        table.add_section()
    return table


def _added(footprint: Footprint) -> Table:
    table = _table("adds, low - high", "share", "takes", "step", "mm²")
    for heading, methods in _groups(footprint):
        table.add_row(Text(heading, style="bold"))
        for one in methods:
            added = one.cost.own_energy_pJ
            table.add_row(
                one.compared.rule,
                range_in_words(added),
                f"{100.0 * added.typical / one.cost.total_energy_pJ.typical:.2g} %",
                time_in_words(one.cost.own_time_ns.typical),
                time_in_words(one.cost.time_ns.typical),
                f"{one.cost.area_um2.typical / 1e6:.2g}",
            )
        table.add_section()
    return table


def _memory(footprint: Footprint) -> Table:
    table = _table("state", "chi", "registers", "host", "peak")
    for heading, methods in _groups(footprint):
        table.add_row(Text(heading, style="bold"))
        for one in methods:
            bits = one.cost.bits
            table.add_row(
                one.compared.rule,
                bits_in_words(bits.state),
                bits_in_words(bits.accumulator),
                bits_in_words(bits.registers),
                bytes_in_words(one.host.state_bytes),
                bytes_in_words(one.host.step_peak_bytes),
            )
        table.add_section()
    return table


def _wear(footprint: Footprint) -> Table:
    table = _table("SET", "RESET", "most", "lasts", "mean lasts")
    for heading, methods in _groups(footprint):
        table.add_row(Text(heading, style="bold"))
        for one in methods:
            wear, first, mean = one.host.wear, one.lifetime_updates, one.mean_lifetime_updates
            table.add_row(
                one.compared.rule,
                f"{wear.set_per_update:.1e}",
                f"{wear.reset_per_update:.1e}",
                f"{wear.most_per_update:.2g}",
                "-" if first is None else large_number(first.typical),
                "-" if mean is None else large_number(mean.typical),
            )
        table.add_section()
    return table


def _part_in_words(energy: Interval | None) -> str:
    return "-" if energy is None else energy_in_words(energy.typical)


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("method", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
