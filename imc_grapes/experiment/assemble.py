"""From a config to the objects of the library: the one file that asks a config what they should be."""

import warnings
from typing import Any

import torch
from torch import nn

from crossbar import PCMConfig
from crossbar.aihwkit_presets import find_preset
from crossbar.readout import PerDevice
from device_models.inference.aihwkit_adapter import as_aihwkit
from imc_grapes.config.schema import (
    AihwkitHardware,
    DigitalHardware,
    EvaluationConfig,
    PCMHardware,
    RunConfig,
)
from imc_grapes.data.augmentation import augmentation_for
from imc_grapes.data.dataset import Dataset
from imc_grapes.evaluate.aihwkit_inference import AihwkitInference
from imc_grapes.evaluate.pcm_tiles import PCMTiles
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.evaluate.programmed_arrays import ProgrammedArrays
from imc_grapes.evaluate.programmed_pairs import ProgrammedPairs
from imc_grapes.experiment.calibration import calibration_batches, refuse_impossible_calibration
from imc_grapes.experiment.listener import Listener
from imc_grapes.grapes import Grapes
from imc_grapes.layers.apart import taken_apart
from imc_grapes.layers.convert import to_crossbar
from imc_grapes.networks.build import build_network_for
from imc_grapes.objectives.image_classification import ImageClassification
from imc_grapes.objectives.next_chord import NextChord
from imc_grapes.objectives.next_word import NextWord
from imc_grapes.objectives.objective import Task
from imc_grapes.recurrent import unrolled
from imc_grapes.rules import optimizer
from imc_grapes.seeding import generator, stream_seed
from imc_grapes.training.loop import Position, Trainer
from imc_grapes.training.single_samples import refuse_single_values
from imc_grapes.transport import DirectFeedbackAlignment, ErrorTransport, FeedbackAlignment

_TRANSPORTS: dict[str, type[FeedbackAlignment | DirectFeedbackAlignment]] = {
    "fa": FeedbackAlignment,
    "dfa": DirectFeedbackAlignment,
}


def prepare(
    config: RunConfig,
    dataset: Dataset,
    listener: Listener,
    device: torch.device | str = "cpu",
) -> tuple[Trainer, Grapes | None]:
    """The network of `config` on its hardware, with its initial weights, ready to be trained.

    Args:
        config: of the run.
        dataset: its samples; they go to the device as a whole.
        listener: asked whether to stop.
        device: that torch computes on; weights are drawn on the CPU, the same for every device.

    Raises:
        InputError: a combination cannot be honoured, or a batch of one image has no variance to normalise by.
    """
    if config.training.epochs == 0 and config.network.weights is None:
        warnings.warn(
            "training.epochs is 0 and network.weights names no file: the network is evaluated as it is built",
            stacklevel=2,
        )
    torch.manual_seed(stream_seed(config.seed, "global"))
    network = digital_network(config, dataset)
    refuse_single_values(network, dataset, config.data.batch_size)
    refuse_impossible_calibration(config.evaluation, network, dataset)
    model = on_hardware(network, config)
    if torch.device(device).type != "cpu":
        model.to(device)  # aihwkit's tiles, which stay on the CPU, are not to be touched
    chosen = config.training.optimizer
    update = optimizer(model, chosen.name, lr=chosen.lr, **chosen.given)
    attach_transport(config, model)
    grapes = attach_grapes(config, model)
    dataset = dataset.to(device)
    trainer = Trainer(
        model=model,
        optimizer=update,
        dataset=dataset,
        batch_size=config.data.batch_size,
        epochs=config.training.epochs,
        lr_decay=config.training.optimizer.lr_decay,
        order=generator(config.seed, "data order"),
        position=Position(),
        stop_requested=listener.stop_requested,
        task=objective_for(config),
        clip_norm=config.training.clip_norm,
        patience=config.training.patience,
        keep_best=config.training.keep == "best",
        grapes=grapes,
        augmentation=augmentation_for(config.data, config.seed),
        device=torch.device(device),
        on_arrays=isinstance(config.hardware, PCMHardware) and config.hardware.in_software,
        calibration=_of_ranges(config, dataset),
    )
    trainer.calibrate()
    return trainer, grapes


def _of_ranges(config: RunConfig, dataset: Dataset) -> list[torch.Tensor]:
    """Samples that the ranges of converters are calibrated on; none where nothing is."""
    hardware = config.hardware
    if isinstance(hardware, PCMHardware) and hardware.in_software and hardware.io.calibrated:
        return calibration_batches(dataset, config.evaluation.calibration_samples)
    return []


def digital_network(config: RunConfig, dataset: Dataset) -> nn.Module:
    """The network of `config` with its initial weights, before it is put on hardware."""
    weights = generator(config.seed, "initial weights")
    return build_network_for(config.network, config.data, config.seed, dataset, weights)


def digital_copy_of(config: RunConfig, dataset: Dataset) -> nn.Module:
    """The same in digital layers, with the parts and names that it has on its hardware; see `on_hardware`."""
    network, hardware = digital_network(config, dataset), config.hardware
    if not isinstance(hardware, DigitalHardware):
        return taken_apart(network, strict=False)
    return network if hardware.statistics is None else unrolled(network)


def on_hardware(network: nn.Module, config: RunConfig) -> nn.Module:
    """The network with its weights stored as `config.hardware` says; of training in place, its initial weights are
    programmed into the tiles.

    Torch's recurrent layers compute with weights of their own; for any hardware but plain digital, equal ones take
    their place, whose weights can be put on tiles, or programmed.

    Raises:
        InputError: the preset does not exist, or a combination cannot be honoured.
    """
    hardware = config.hardware
    if isinstance(hardware, DigitalHardware) and hardware.statistics is None:
        return network
    if isinstance(hardware, DigitalHardware):
        return unrolled(network)
    rpu_config = (
        _pcm_config(hardware, config)
        if isinstance(hardware, PCMHardware)
        else _aihwkit_config(hardware)
    )
    return to_crossbar(network, rpu_config)


def _aihwkit_config(hardware: AihwkitHardware) -> Any:
    rpu_config = find_preset(hardware.preset).config_class()
    if hardware.array is not None:
        rpu_config.mapping.max_input_size = hardware.array.rows
        rpu_config.mapping.max_output_size = hardware.array.columns
    if hardware.statistics is not None:
        rpu_config.noise_model = as_aihwkit(hardware.statistics.build())
    return rpu_config


def _pcm_config(hardware: PCMHardware, config: RunConfig) -> Any:
    seed = stream_seed(config.seed, "pcm tiles")
    if hardware.in_software:
        return PCMConfig(
            io=hardware.io,
            update=hardware.update,
            array=hardware.array,
            wires=hardware.wires,
            statistics=hardware.statistics,
            seed=seed,
        )
    return PCMConfig(
        device=hardware.device,
        io=hardware.io,
        update=hardware.update,
        array=hardware.array,
        read=hardware.read,
        faults=hardware.faults,
        wear=hardware.wear,
        seed=seed,
    )


def attach_transport(config: RunConfig, model: nn.Module) -> ErrorTransport | None:
    """Attach what `config` asks for to its network; None for backpropagation.

    Raises:
        InputError: it is not defined for a layer of the network.
    """
    name = config.training.error_transport
    return None if name == "bp" else _TRANSPORTS[name](model, seed=config.seed)


def attach_grapes(config: RunConfig, model: nn.Module, *, exact: bool = False) -> Grapes | None:
    """Attach GRAPES as `config` has it; None if it has none.

    Args:
        config: of the run.
        model: its network.
        exact: read the factors from the weights, whatever circuit the config names.
    """
    chosen = config.training.grapes
    if chosen.mode == "none":
        return None
    return Grapes(
        model,
        chosen.mode,
        exclude=chosen.exclude,
        factor_bits=chosen.factor_bits,
        clip=chosen.clip,
        readout=PerDevice() if exact else chosen.readout,
    )


def objective_for(config: RunConfig) -> Task:
    """What the data of `config` ask a network to learn."""
    if config.data.gives == "chords":
        return NextChord()
    if config.data.gives == "words":
        return NextWord()
    return ImageClassification(config.training.loss)


def why_no_drift(
    hardware: DigitalHardware | AihwkitHardware | PCMHardware,
) -> str | None:
    """Why devices trained in place cannot be read at a later time; None if they can, or where there are no devices."""
    if isinstance(hardware, PCMHardware) and not _drifts(hardware):
        return f"the model {hardware.device.model} has no drift law of its own; hardware.statistics gives it one"
    if isinstance(hardware, AihwkitHardware) and not find_preset(hardware.preset).drifts:
        return f"{hardware.preset} has no drift model"
    return None


def _drifts(hardware: PCMHardware) -> bool:
    return bool(hardware.in_software or hardware.statistics or hardware.device.read_law)


def programmable(
    model: nn.Module,
    hardware: DigitalHardware | AihwkitHardware | PCMHardware,
    evaluation: EvaluationConfig | None = None,
) -> ProgrammedNetwork | None:
    """The means to program and drift `model`, as `evaluation` says; None for hardware that does not drift."""
    how = evaluation or EvaluationConfig()
    if isinstance(hardware, AihwkitHardware) and find_preset(hardware.preset).drifts:
        return AihwkitInference(model)
    if isinstance(hardware, DigitalHardware) and hardware.statistics is not None:
        return ProgrammedPairs(model, hardware.statistics.build(), how.compensation_read)
    if isinstance(hardware, PCMHardware) and hardware.in_software:
        return ProgrammedArrays(model, compensation_read=how.compensation_read)
    if isinstance(hardware, PCMHardware) and _drifts(hardware):
        return PCMTiles(model, hardware.drift_statistics(), how.compensation_read, how.read_noise)
    return None
