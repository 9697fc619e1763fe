"""How far GRAPES and the error transport of an experiment turn the update, for ``summary.json``."""

import copy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from imc_grapes.config import RunConfig
from imc_grapes.evaluate.alignment import Alignment, alignment, weight_gradients
from imc_grapes.experiment.assemble import attach_grapes, attach_transport, digital_copy_of
from imc_grapes.layers.incoming_weights import is_analog
from imc_grapes.seeding import stream_seed
from imc_grapes.summary import AlignmentAngles
from imc_grapes.training.loop import Trainer


def measure_alignment(config: RunConfig, trainer: Trainer) -> AlignmentAngles | None:
    """Angles between gradients of one training batch at the weights as they are; None if there is nothing to compare.

    They are computed on a digital copy of the network, so they show what the rules do, without the noise of devices
    and converters, and nothing of the experiment itself changes.
    """
    mode, transport = config.training.grapes.mode, config.training.error_transport
    if mode == "none" and transport == "bp":
        return None
    batch = next(trainer.dataset.train.batches(trainer.batch_size, order=None))

    def loss(model: nn.Module) -> Tensor:
        # The same units are dropped every time.
        torch.manual_seed(stream_seed(config.seed, "alignment"))
        mean: Tensor = trainer.task.loss(model, batch, None).mean
        return mean

    device = trainer.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        network = _digital_copy(config, trainer).to(device).train()

        def gradients(*, transported: bool, modulated: bool) -> dict[str, list[Tensor]]:
            fresh = copy.deepcopy(network)
            if transported:
                attach_transport(config, fresh)
            if modulated:
                attach_grapes(config, fresh, exact=True)
            return weight_gradients(fresh, loss)

        plain = gradients(transported=True, modulated=False)
        alignments: dict[str, Alignment | None] = {
            "modulation": None,
            "transport": None,
            "both": None,
        }
        if mode != "none":
            whole = gradients(transported=True, modulated=True)
            alignments["modulation"] = alignment(whole, plain)
        if transport != "bp":
            bp = gradients(transported=False, modulated=False)
            alignments["transport"] = alignment(plain, bp)
            if mode != "none":
                alignments["both"] = alignment(whole, bp)
    return AlignmentAngles.model_validate(
        {name: one and asdict(one) for name, one in alignments.items()}
    )


def _digital_copy(config: RunConfig, trainer: Trainer) -> nn.Module:
    """The network in digital layers, with the weights that the tiles hold now."""
    network = digital_copy_of(config, trainer.dataset)
    trained = trainer.model.state_dict()
    own = {key: value for key, value in trained.items() if key in network.state_dict()}
    network.load_state_dict(own, strict=False)
    modules = dict(trainer.model.named_modules())
    for name, layer in network.named_modules():
        on_tiles: Any = modules.get(name)
        if on_tiles is None or not is_analog(on_tiles):
            continue
        weight, bias = on_tiles.get_weights()
        with torch.no_grad():
            layer.weight.copy_(weight.view_as(layer.weight))
            if bias is not None:
                layer.bias.copy_(bias)
    return network
