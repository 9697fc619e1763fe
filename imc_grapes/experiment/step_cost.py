"""What a training step of a run takes on the chip, by the pulses of all of its training."""

from typing import Any

from crossbar.costs import Activity, Method, feedback_cost, network_cost
from crossbar.costs.update_cost import with_error_reads
from crossbar.specs import SoftwareSpec
from imc_grapes.config import RunConfig
from imc_grapes.config.schema import PCMHardware
from imc_grapes.costs.tile_activity import LayerUses, activity_since, tile_counters
from imc_grapes.experiment.footprint.host import feedback_shapes
from imc_grapes.experiment.footprint.methods import array_limits
from imc_grapes.grapes import Grapes
from imc_grapes.summary import StepCost
from imc_grapes.training.loop import Trainer
from imc_grapes.transport.base import attached_transport


def trained_activity(config: RunConfig, trainer: Trainer) -> dict[str, Activity] | None:
    """What the updates up to now did to the devices of each layer; None where none was trained in place and read."""
    hardware = config.hardware
    if not isinstance(hardware, PCMHardware) or isinstance(hardware.update, SoftwareSpec):
        return None
    counters = tile_counters(trainer.model)
    counts = [tile["updates"] for tiles in counters.values() for tile in tiles]
    if hardware.read.during_training == "never" or not counts or min(counts) == 0:
        return None
    nothing = {name: [dict.fromkeys(tile, 0) for tile in tiles] for name, tiles in counters.items()}
    return activity_since(trainer.model, nothing)


def step_cost(
    config: RunConfig,
    trainer: Trainer,
    grapes: Grapes | None,
    uses: LayerUses,
    activity: dict[str, Activity],
) -> StepCost:
    """Price a step with the constants of `crossbar.costs`.

    Args:
        config: of the run, on PCM tiles that were trained in place.
        trainer: with its model.
        grapes: that acts on it.
        uses: of its layers, in one mini-batch.
        activity: of each layer.
    """
    batch = min(config.data.batch_size, len(trainer.dataset.train))
    arrays = array_limits(config)
    layers = uses.shapes(batch, tuple(grapes.layers) if grapes else ())
    cost = network_cost(layers, _method(config), batch, activity, arrays)
    transport = attached_transport(trainer.model)
    feedback = tuple(feedback_shapes(transport, uses.positions(batch)))
    if feedback:
        cost = with_error_reads(cost, feedback_cost(feedback, batch, arrays))
    energy = cost.total_energy_pJ
    return StepCost(
        energy_low_pJ=energy.low,
        energy_pJ=energy.typical,
        energy_high_pJ=energy.high,
        own_energy_pJ=cost.own_energy_pJ.typical,
        time_ns=cost.time_ns.typical,
    )


def _method(config: RunConfig) -> Method:
    """What the config trains with."""
    assert isinstance(config.hardware, PCMHardware)
    update, training = config.hardware.update, config.training
    assert not isinstance(update, SoftwareSpec)
    on_tiles, chosen = update.optimizer, training.optimizer
    optimizer: dict[str, Any] = {
        "name": chosen.name,
        **(on_tiles.given if on_tiles.name == chosen.name else {}),
        **chosen.given,
    }
    if chosen.rule.state:
        optimizer["state_bits"] = on_tiles.state_bits
    priced: dict[str, Any] = {
        "name": chosen.name,
        "update": type(update).of({**dict(update), "optimizer": optimizer}),
    }
    grapes = training.grapes
    if grapes.mode != "none":
        priced["name"] = "lr_matched" if grapes.mode == "lr_matched" else "grapes"
        priced["readout"] = grapes.readout
        if grapes.factor_bits is not None:
            priced["factor_bits"] = grapes.factor_bits
        if training.error_transport == "dfa":
            priced["factors_of"] = "inputs"
    return Method.of(priced)
