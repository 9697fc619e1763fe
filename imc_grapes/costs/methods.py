"""What a footprint compares: which rules on which circuits, in which order, at which learning rates."""

from collections.abc import Iterator
from typing import Any, Literal

from crossbar.costs.method import MODULATED
from crossbar.rules import RULES
from crossbar.rules.base import USUAL_LEARNING_RATE
from crossbar.specs import (
    AccumulatedSpec,
    GradientPulses,
    PulsedSpec,
    TikiTakaSpec,
    TTv2Spec,
    UpdateSpec,
)

Circuits = Literal["pulsed", "accumulated", "tiki_taka", "ttv2"]

CIRCUITS: dict[Circuits, str] = {
    "pulsed": "on pulses",
    "accumulated": "on the accumulator",
    "tiki_taka": "by tiki-taka",
    "ttv2": "by TTv2",
}
"""What is compared with each other first: the rules on the same circuits, under this heading."""

_SPECS: dict[Circuits, type[UpdateSpec]] = {
    "pulsed": PulsedSpec,
    "accumulated": AccumulatedSpec,
    "tiki_taka": TikiTakaSpec,
    "ttv2": TTv2Spec,
}
_SGD_ALONE: tuple[Circuits, ...] = ("tiki_taka", "ttv2")
_MODULATED_LEARNING_RATES: dict[Circuits, float] = {
    "pulsed": 0.05,
    "accumulated": 0.4,
    "tiki_taka": 0.05,
    "ttv2": 0.05,
}


def compared(
    own: UpdateSpec, modulated: tuple[str, ...] = MODULATED
) -> Iterator[tuple[Circuits, str]]:
    """Circuits with every rule that they are compared under, those that keep least first.

    On pulses and on the accumulator all that these can carry out, and the same on the circuits that a model or a config
    has itself; on second arrays otherwise sgd alone.

    Args:
        own: of that model or config.
        modulated: GRAPES and its control, which come behind sgd.
    """
    trains = own.trains if isinstance(own, GradientPulses) else PulsedSpec().trains
    kept = sorted(RULES, key=lambda entry: entry.value.kept())
    for circuits in CIRCUITS:
        yield circuits, "sgd"
        if circuits in _SGD_ALONE and own.kind != circuits:
            continue
        for name in modulated:
            yield circuits, name
        for entry in kept:
            if entry.name != "sgd" and (
                circuits == "accumulated" or trains in entry.value.pulse_trains
            ):
                yield circuits, entry.name


def rule_of(name: str) -> str:
    """The rule that a method follows: GRAPES and its control train by sgd."""
    return "sgd" if name in MODULATED else name


def usual_learning_rate(name: str, circuits: Circuits) -> float:
    """Of a method that nobody has given one; it decides how many pulses an update fires."""
    if name in MODULATED:
        return _MODULATED_LEARNING_RATES[circuits]
    return RULES[name].learning_rates.get(circuits, USUAL_LEARNING_RATE)


def circuits_of(own: UpdateSpec, circuits: Circuits) -> Any:
    """A model's own circuits if they are of that kind, else usual ones with the same operands and refresh."""
    if own.kind == circuits:
        return own
    return _SPECS[circuits](operand_bits=own.operand_bits, refresh=own.refresh)
