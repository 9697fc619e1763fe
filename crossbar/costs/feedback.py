"""What the way of the error upstream costs: reads of arrays, through the weights or through random feedback weights.

Backpropagation drives the columns of the weight arrays and reads their rows; it needs no device of its own. Feedback
weights lie in arrays of their own, one device per polarity, whatever the weights have: they are written once and
never updated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crossbar.costs.area import device_area_um2
from crossbar.costs.constants import constant
from crossbar.costs.energy import energy_pJ
from crossbar.costs.interval import Interval, largest
from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.operations import ArrayLimits, Operations, product_operations

DEVICES_PER_FEEDBACK_WEIGHT = 2


@dataclass(frozen=True)
class FeedbackShape:
    """The arrays that carry an error from one place to another.

    Attributes:
        name: of the layer that sends the error.
        n_errors: length of an error vector: its lines are driven.
        n_received: numbers that come out: each takes a conversion.
        positions: how many such vectors a sample sends: pixels of a convolution's output.
    """

    name: str
    n_errors: int
    n_received: int
    positions: int = 1

    @property
    def weights(self) -> int:
        """Synapses."""
        return self.n_errors * self.n_received


@dataclass(frozen=True)
class ErrorReadCost:
    """What sending the errors of one mini-batch upstream takes.

    Attributes:
        weights: that the error passes.
        devices: that the error transport adds; 0 where it reads the weights themselves.
        area_um2: of those devices.
        operations: of the reads of one mini-batch.
        energy_pJ: of those.
        time_ns: of the slowest layer's reads, with all arrays side by side.
        write_pJ: once: a RESET of every added device and one SET pulse on one device of each pair, whose spread is the
            random value (*assumption*).
    """

    weights: int
    devices: int
    area_um2: Interval
    operations: Operations
    energy_pJ: Interval
    time_ns: Interval
    write_pJ: Interval


def feedback_cost(
    shapes: Sequence[FeedbackShape], batch: int, arrays: ArrayLimits, adc_bits: int | None = None
) -> ErrorReadCost:
    """Through feedback weights in arrays of their own.

    Args:
        shapes: one for each layer that sends an error; at least one.
        batch: samples of a mini-batch.
        arrays: largest array; the number of devices that share a weight's synapse does not matter here.
        adc_bits: of a conversion; None for that of `arrays`.
    """
    weights = sum(shape.weights for shape in shapes)
    devices = DEVICES_PER_FEEDBACK_WEIGHT * weights
    pulses = devices + weights
    once = Operations(reset_pulses=devices, set_pulses=weights, pulse_lines=2.0 * pulses)
    return _cost(
        shapes,
        batch,
        ArrayLimits(arrays.rows, arrays.columns, adc_bits=arrays.adc_bits),
        adc_bits,
        devices,
        device_area_um2(weights, 1),
        energy_pJ(once, None),
        None,
    )


def backpropagation_cost(
    layers: Iterable[LayerShape],
    batch: int,
    arrays: ArrayLimits,
    adc_bits: int | None = None,
    mean_g_uS: float | None = None,
) -> ErrorReadCost:
    """Through the weights themselves, read backwards, for comparison.

    Args:
        layers: those that send an error: all but the first; at least one.
        batch: samples of a mini-batch.
        arrays: largest array, devices per polarity.
        adc_bits: of a conversion; None for that of `arrays`.
        mean_g_uS: mean conductance of their devices; None for the constants' assumption.
    """
    shapes = [FeedbackShape(one.name, one.n_out, one.n_in, one.positions) for one in layers]
    nothing = Interval(0.0, 0.0, 0.0)
    return _cost(shapes, batch, arrays.transposed(), adc_bits, 0, nothing, nothing, mean_g_uS)


def _cost(
    shapes: Sequence[FeedbackShape],
    batch: int,
    arrays: ArrayLimits,
    adc_bits: int | None,
    devices: int,
    area_um2: Interval,
    write_pJ: Interval,
    mean_g_uS: float | None,
) -> ErrorReadCost:
    reads = [
        product_operations(
            LayerShape(shape.name, shape.n_errors, shape.n_received),
            batch * shape.positions,
            arrays,
        )
        for shape in shapes
    ]
    operations = Operations(
        conversions=sum(one.conversions for one in reads),
        adc_bits=adc_bits or arrays.adc_bits,
        driven_rows=sum(one.driven_rows for one in reads),
        device_reads=sum(one.device_reads for one in reads),
        int32_adds=sum(one.int32_adds for one in reads),
    )
    return ErrorReadCost(
        weights=sum(shape.weights for shape in shapes),
        devices=devices,
        area_um2=area_um2,
        operations=operations,
        energy_pJ=energy_pJ(operations, mean_g_uS),
        time_ns=largest(
            float(batch * shape.positions) * constant("array_read_ns") for shape in shapes
        ),
        write_pJ=write_pJ,
    )
