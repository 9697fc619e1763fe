"""How often units fire: what event-driven reads of the next array would cost follows from it."""

from torch import Tensor, nn

from imc_grapes.data.samples import Samples
from imc_grapes.grapes.layers import is_unit_layer
from imc_grapes.tasks.task import Task


def spikes_per_step(model: nn.Module, task: Task, samples: Samples) -> dict[str, float]:
    """Spikes per unit and time step of every layer of spiking units, while `model` is scored on `samples`.

    Padding counts as silence of the inputs, not of the units. Soft units send no spikes and are left out.

    Returns:
        Layer name to a number in [0, 1]; empty for a network without spiking units.
    """
    counters = {
        name: _Counter()
        for name, module in model.named_modules()
        if is_unit_layer(module) and module.fires
    }
    if not counters:
        return {}
    handles = [
        model.get_submodule(name).register_forward_hook(counter)
        for name, counter in counters.items()
    ]
    try:
        task.score(model, samples)
    finally:
        for handle in handles:
            handle.remove()
    return {name: counter.spikes / counter.chances for name, counter in counters.items()}


class _Counter:
    def __init__(self) -> None:
        self.spikes = 0.0
        self.chances = 0

    def __call__(self, layer: nn.Module, args: object, result: tuple[Tensor, object]) -> None:
        outputs, _ = result
        self.spikes += float(outputs.sum())
        self.chances += outputs.numel()
