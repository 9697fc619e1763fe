"""The footprint of a config: every rule measured on this machine and priced on the chip."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbar.costs import (
    BASIS_NM,
    Activity,
    Constant,
    ErrorReadCost,
    Interval,
    LayerShape,
    StorageOption,
    UpdateCost,
    analog_storage,
    backpropagation_cost,
    constant,
    core_mvm_pJ,
    device_area_um2,
    digital_storage,
    feedback_cost,
    network_cost,
    prices,
    with_error_reads,
)
from crossbar.costs.method import MODULATED, Method
from imc_grapes.config import RunConfig
from imc_grapes.costs.wear import lifetime_updates
from imc_grapes.experiment.footprint.fresh_process import measure_in_fresh_processes
from imc_grapes.experiment.footprint.host import HostMeasurement, Start
from imc_grapes.experiment.footprint.methods import ComparedMethod, array_limits, compared_methods
from imc_grapes.experiment.footprint.published_networks import PUBLISHED_NETWORKS
from imc_grapes.experiment.footprint.sample_data import sample_data
from imc_grapes.experiment.run_folder import RunFolder
from kernels.errors import InputError

UPDATES = 100
AFTER = 500
"""Updates of training before those whose pulses are counted: the first ones of a new network are of another kind."""
SQUARE_SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
DEVICES_PER_POLARITY = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class MethodFootprint:
    """One method.

    Attributes:
        compared: what it is.
        host: as measured.
        cost: of one training step of the config's network.
        squares: cost of one step of a square layer of each of `SQUARE_SIZES`.
        networks: cost of one step of each of `PUBLISHED_NETWORKS`.
        lifetime_updates: until the device that had most pulses is worn out; None where none had any.
        mean_lifetime_updates: until a device with the mean number is.
    """

    compared: ComparedMethod
    host: HostMeasurement
    cost: UpdateCost
    squares: dict[int, UpdateCost]
    networks: dict[str, UpdateCost]
    lifetime_updates: Interval | None
    mean_lifetime_updates: Interval | None


@dataclass(frozen=True)
class Footprint:
    """All methods.

    Attributes:
        config: what was asked about.
        data: what the updates were measured on.
        updates: whose pulses were counted.
        after: updates of training before those.
        run: folder of the run whose network they went on with; None for a new one.
        layers: of the config's network.
        methods: in the order of the table.
        storage_options: storage of sub-pulse weight resolution, for the largest layer of the config.
        held_layer: that layer.
        error_reads: of one mini-batch on its way upstream, through the feedback weights of the config's error
            transport; None under backpropagation.
        backpropagation_reads: the same through the weights themselves; None if there is only one layer.
        constants: those that replaced the ones of the file.
        node_nm: technology node of the digital circuits.
        device_area_um2: of the devices that hold the weights.
        core_mvm_pJ: product of the published core, by the same constants.
        endurance_writes: of a device, by the same constants.
    """

    config: RunConfig
    data: str
    updates: int
    after: int
    run: Path | None
    layers: tuple[LayerShape, ...]
    methods: tuple[MethodFootprint, ...]
    storage_options: dict[str, StorageOption]
    held_layer: LayerShape
    error_reads: ErrorReadCost | None
    backpropagation_reads: ErrorReadCost | None
    constants: Mapping[str, Constant]
    node_nm: int
    device_area_um2: Interval
    core_mvm_pJ: Interval
    endurance_writes: Interval

    def sgd_on(self, periphery: str) -> MethodFootprint:
        """What other rules on the same circuits are compared with."""
        return next(
            one
            for one in self.methods
            if (one.compared.method.name, one.compared.method.update.kind) == ("sgd", periphery)
        )


def measure_footprint(
    config: RunConfig,
    data_dir: Path | None = None,
    updates: int = UPDATES,
    after: int = AFTER,
    run: Path | None = None,
    constants: Mapping[str, Any] | None = None,
    node_nm: int | None = None,
) -> Footprint:
    """Measure and price every method on the hardware and the network of `config`.

    Args:
        config: a run on PCM tiles; what it trains with is compared with everything else.
        data_dir: searched first for data files; images that are not found are replaced by random ones.
        updates: of each method, in a fresh process; their counters give the pulses that are priced.
        after: updates of training before those.
        run: folder of a run of this config: every method trains on from its network, with nothing kept yet.
        constants: in place of those of the file; see `crossbar.costs.prices`.
        node_nm: node of the digital circuits; see `crossbar.costs.prices`.

    Raises:
        InputError: there is no such constant or node; the config is not about PCM tiles, its data or the run cannot be
            read, or a method diverges.
    """
    with prices(constants, node_nm):
        pass  # before anything is measured
    compared = compared_methods(config)
    start = _start(config, run)
    sample = sample_data(config, after + updates, data_dir)
    hosts = measure_in_fresh_processes(
        [one.config for one in compared], sample.dataset, updates, after, start
    )
    layers = next(
        host.layers for one, host in zip(compared, hosts, strict=True) if one.method.readout
    )
    largest = max(layers, key=lambda layer: layer.weights)
    weights = sum(layer.weights for layer in layers)
    with prices(constants, node_nm) as own:
        methods = tuple(
            _priced(one, host, layers, config) for one, host in zip(compared, hosts, strict=True)
        )
        return Footprint(
            config=config,
            data=sample.source,
            updates=updates,
            after=after,
            run=run,
            layers=layers,
            methods=methods,
            storage_options=_storage_options(largest, methods, config.data.batch_size),
            held_layer=largest,
            error_reads=_error_reads(hosts[0], config),
            backpropagation_reads=_backpropagation_reads(layers, config),
            constants=own,
            node_nm=node_nm or BASIS_NM,
            device_area_um2=device_area_um2(weights, array_limits(config).sharing),
            core_mvm_pJ=core_mvm_pJ(),
            endurance_writes=constant("endurance_writes"),
        )


def _start(config: RunConfig, run: Path | None) -> Start | None:
    if run is None:
        return None
    checkpoint = RunFolder(run).checkpoint
    if not checkpoint.is_file():
        raise InputError(f"{run}: holds no checkpoint of a run")
    return Start(config, checkpoint)


def _error_reads(host: HostMeasurement, config: RunConfig) -> ErrorReadCost | None:
    if not host.feedback:
        return None
    batch = config.data.batch_size
    return feedback_cost(host.feedback, batch, array_limits(config))


def _backpropagation_reads(
    layers: tuple[LayerShape, ...], config: RunConfig
) -> ErrorReadCost | None:
    sending = [layer for layer in layers if layer.sends_error]
    if not sending:
        return None
    batch = config.data.batch_size
    return backpropagation_cost(sending, batch, array_limits(config))


def _priced(
    compared: ComparedMethod,
    host: HostMeasurement,
    layers: tuple[LayerShape, ...],
    config: RunConfig,
) -> MethodFootprint:
    batch = config.data.batch_size
    method = compared.method
    arrays = array_limits(config)
    mean = _mean_activity(layers, host.activity)
    cost = network_cost(layers, method, batch, host.activity, arrays)
    reads = _error_reads(host, config)
    if reads is not None:
        cost = with_error_reads(cost, reads)
    return MethodFootprint(
        compared=compared,
        host=host,
        cost=cost,
        squares={
            size: network_cost(
                [LayerShape(f"{size} x {size}", size, size)], method, batch, mean, arrays
            )
            for size in SQUARE_SIZES
        },
        networks={
            name: network_cost(shapes, method, batch, mean, arrays)
            for name, shapes in PUBLISHED_NETWORKS.items()
        },
        lifetime_updates=lifetime_updates(host.wear.most_per_update),
        mean_lifetime_updates=lifetime_updates(host.wear.mean_per_update),
    )


def _mean_activity(layers: tuple[LayerShape, ...], of_layers: dict[str, Activity]) -> Activity:
    weights = sum(layer.weights for layer in layers)

    def mean(field: str) -> float:
        values = (float(getattr(of_layers[one.name], field)) * one.weights for one in layers)
        return sum(values) / weights

    return Activity(
        mean("pulses"),
        mean("refreshes"),
        mean("refresh_pulses"),
        mean("mean_g_uS"),
        mean("transfer_pulses"),
    )


def _storage_options(
    layer: LayerShape, methods: tuple[MethodFootprint, ...], batch: int
) -> dict[str, StorageOption]:
    found = {(one.compared.method.name, one.compared.method.update.kind): one for one in methods}

    def activity(name: str, periphery: str) -> Activity:
        return found[name, periphery].host.activity[layer.name]  # type: ignore[index]

    def method(name: str, periphery: str) -> Method:
        return found[name, periphery].compared.method  # type: ignore[index]

    options = {
        f"K = {sharing}": analog_storage(
            layer, method("sgd", "pulsed"), batch, activity("sgd", "pulsed"), sharing
        )
        for sharing in DEVICES_PER_POLARITY
    }
    sizes = set()
    for one in methods:
        priced = one.compared.method
        kept = priced.of_layer(layer).rule.state_numbers(layer.n_out, layer.n_in)
        if (
            priced.update.kind == "accumulated"
            and priced.name not in MODULATED
            and kept not in sizes
        ):
            # The first rule of each size stands for the others.
            sizes.add(kept)
            label = f"chi, {one.compared.rule}" if kept else "chi"
            options[label] = digital_storage(layer, priced, batch, one.host.activity[layer.name])
    return options
