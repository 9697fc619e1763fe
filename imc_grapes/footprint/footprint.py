"""The footprint of a config: every method measured on this machine and priced on the chip."""

from dataclasses import dataclass
from pathlib import Path

from crossbar.costs import (
    Activity,
    ArrayLimits,
    ErrorReadCost,
    Holding,
    LayerShape,
    UpdateCost,
    analog_holding,
    backpropagation_cost,
    digital_holding,
    feedback_cost,
    network_cost,
)
from crossbar.costs.method import Method
from imc_grapes.config import RunConfig
from imc_grapes.config.schema import PCMHardware
from imc_grapes.footprint.fresh_process import measure_in_fresh_processes
from imc_grapes.footprint.host import HostMeasurement
from imc_grapes.footprint.methods import ComparedMethod, compared_methods
from imc_grapes.footprint.published_networks import PUBLISHED_NETWORKS
from imc_grapes.footprint.sample_data import sample_data

UPDATES = 20
SQUARE_SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
DEVICES_PER_POLARITY = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class MethodFootprint:
    """One method.

    Attributes:
        compared: what it is.
        host: as measured.
        cost: of one update of the config's network.
        squares: cost of one update of a square layer of each of `SQUARE_SIZES`.
        networks: cost of one update of each of `PUBLISHED_NETWORKS`.
    """

    compared: ComparedMethod
    host: HostMeasurement
    cost: UpdateCost
    squares: dict[int, UpdateCost]
    networks: dict[str, UpdateCost]


@dataclass(frozen=True)
class Footprint:
    """All methods.

    Attributes:
        config: what was asked about.
        data: what the updates were measured on.
        updates: how many there were.
        layers: of the config's network.
        methods: in the order of the table.
        holdings: ways to hold what one pulse is too coarse for, of the config's largest layer.
        held_layer: that layer.
        error_reads: of one mini-batch on its way upstream, through the feedback weights of the config's error
            transport; None under backpropagation.
        backpropagation_reads: the same through the weights themselves; None if there is only one layer.
    """

    config: RunConfig
    data: str
    updates: int
    layers: tuple[LayerShape, ...]
    methods: tuple[MethodFootprint, ...]
    holdings: dict[str, Holding]
    held_layer: LayerShape
    error_reads: ErrorReadCost | None
    backpropagation_reads: ErrorReadCost | None


def measure_footprint(
    config: RunConfig, data_dir: Path | None = None, updates: int = UPDATES
) -> Footprint:
    """Measure and price every method on the hardware and the network of `config`.

    Args:
        config: a run on PCM tiles; what it trains with is compared with everything else.
        data_dir: searched first for data files; images that are not found are replaced by random ones.
        updates: of each method, in a fresh process; their counters give the pulses that are priced.

    Raises:
        InputError: the config is not about PCM tiles, or its data cannot be read.
    """
    compared = compared_methods(config)
    sample = sample_data(config, updates, data_dir)
    hosts = measure_in_fresh_processes([one.config for one in compared], sample.dataset, updates)
    layers = next(
        host.layers for one, host in zip(compared, hosts, strict=True) if one.method.readout
    )
    methods = tuple(
        _priced(one, host, layers, config) for one, host in zip(compared, hosts, strict=True)
    )
    largest = max(layers, key=lambda layer: layer.weights)
    return Footprint(
        config=config,
        data=sample.source,
        updates=updates,
        layers=layers,
        methods=methods,
        holdings=_holdings(largest, methods, config.data.batch_size),
        held_layer=largest,
        error_reads=_error_reads(hosts[0], config),
        backpropagation_reads=_backpropagation_reads(layers, config),
    )


def _error_reads(host: HostMeasurement, config: RunConfig) -> ErrorReadCost | None:
    if not host.feedback:
        return None
    batch = config.data.batch_size
    return feedback_cost(host.feedback, batch, _arrays(config), _adc_bits(config))


def _backpropagation_reads(
    layers: tuple[LayerShape, ...], config: RunConfig
) -> ErrorReadCost | None:
    sending = layers[1:]
    if not sending:
        return None
    batch = config.data.batch_size
    return backpropagation_cost(sending, batch, _arrays(config), _adc_bits(config))


def _adc_bits(config: RunConfig) -> int | None:
    assert isinstance(config.hardware, PCMHardware)
    io = config.hardware.io
    return None if io.perfect else io.adc_bits


def _priced(
    compared: ComparedMethod,
    host: HostMeasurement,
    layers: tuple[LayerShape, ...],
    config: RunConfig,
) -> MethodFootprint:
    batch = config.data.batch_size
    method = compared.method
    arrays = _arrays(config)
    mean = _mean_activity(layers, host.activity)
    return MethodFootprint(
        compared=compared,
        host=host,
        cost=network_cost(layers, method, batch, host.activity, arrays),
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
    )


def _arrays(config: RunConfig) -> ArrayLimits:
    assert isinstance(config.hardware, PCMHardware)
    array = config.hardware.array
    return ArrayLimits(array.rows, array.columns, array.devices_per_polarity)


def _mean_activity(layers: tuple[LayerShape, ...], of_layers: dict[str, Activity]) -> Activity:
    weights = sum(layer.weights for layer in layers)

    def mean(field: str) -> float:
        values = (float(getattr(of_layers[one.name], field)) * one.weights for one in layers)
        return sum(values) / weights

    return Activity(mean("pulses"), mean("refreshes"), mean("refresh_pulses"), mean("mean_g_uS"))


def _holdings(
    layer: LayerShape, methods: tuple[MethodFootprint, ...], batch: int
) -> dict[str, Holding]:
    found = {(one.compared.method.name, one.compared.method.update.kind): one for one in methods}

    def activity(name: str, periphery: str) -> Activity:
        return found[name, periphery].host.activity[layer.name]  # type: ignore[index]

    def method(name: str, periphery: str) -> Method:
        return found[name, periphery].compared.method  # type: ignore[index]

    holdings = {
        f"K = {sharing}": analog_holding(
            layer, method("sgd", "pulsed"), batch, activity("sgd", "pulsed"), sharing
        )
        for sharing in DEVICES_PER_POLARITY
    }
    for name, label in (("sgd", "chi"), ("momentum", "chi, momentum"), ("adam", "chi, Adam")):
        holdings[label] = digital_holding(
            layer, method(name, "accumulated"), batch, activity(name, "accumulated")
        )
    return holdings
