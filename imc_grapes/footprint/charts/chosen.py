"""The methods that charts with one line or point per method show: not every readout twice over."""

from imc_grapes.footprint.footprint import Footprint, MethodFootprint
from imc_grapes.report.palette import colours


def shown_methods(footprint: Footprint) -> list[MethodFootprint]:
    """Stateless methods on pulsed circuits, and on accumulated ones SGD and what keeps matrices."""
    chosen = []
    for one in footprint.methods:
        method = one.compared.method
        if method.update.kind == "pulsed" or method.name in ("sgd", "momentum", "rmsprop", "adam"):
            chosen.append(one)
    return [one for one in chosen if one.compared.method.name != "lr_matched"]


def scales(methods: list[MethodFootprint]) -> tuple[list[str], list[str]]:
    """Their labels and colours."""
    labels = [one.compared.label for one in methods]
    return labels, colours(labels, labels[0])
