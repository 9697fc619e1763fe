"""The methods that charts with one line or point per method show: not every readout twice over."""

from imc_grapes.experiment.footprint.footprint import Footprint, MethodFootprint
from imc_grapes.pictures.palette import colours


def shown_methods(footprint: Footprint) -> list[MethodFootprint]:
    """Every rule on every kind of circuits that runs it, GRAPES with the readout of the config."""
    chosen: dict[tuple[str, str], MethodFootprint] = {}
    for one in footprint.methods:
        method = one.compared.method
        if method.name != "lr_matched":
            chosen.setdefault((method.name, method.update.kind), one)
    return list(chosen.values())


def scales(methods: list[MethodFootprint]) -> tuple[list[str], list[str]]:
    """Their labels and colours."""
    labels = [one.compared.label for one in methods]
    return labels, colours(labels, labels[0])
