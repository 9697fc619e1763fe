"""The cost of one training step: of a tile, of a layer, of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

from crossbar.costs.activity import Activity
from crossbar.costs.area import device_area_um2, memory_area_um2
from crossbar.costs.duration import layer_times_ns
from crossbar.costs.energy import energy_pJ
from crossbar.costs.feedback import ErrorReadCost
from crossbar.costs.interval import Interval, largest, total
from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.method import Method
from crossbar.costs.operations import (
    SHARED_PARTS,
    ArrayLimits,
    Operations,
    layer_operations,
)
from crossbar.costs.state import Bits, layer_bits


@dataclass(frozen=True)
class UpdateCost:
    """What one training step takes.

    `SHARED_PARTS`, which every rule pays alike, are the analog products of the mini-batch, forward and backward, and
    the digital outer product of its inputs and errors; all others are what a rule adds. Activation functions, the loss,
    biases and the traffic between layers are not priced.

    Attributes:
        bits: kept and used by the update circuits.
        operations: counts by part.
        energy_pJ: by part.
        part_time_ns: by part, in each of which all arrays work side by side.
        area_um2: of the memory, and of the devices of a second array, that the update circuits add.
        added_devices: of a second array.
    """

    bits: Bits
    operations: dict[str, Operations]
    energy_pJ: dict[str, Interval]
    part_time_ns: dict[str, Interval]
    area_um2: Interval
    added_devices: int = 0

    @property
    def total_energy_pJ(self) -> Interval:
        """All parts together."""
        return total(self.energy_pJ.values())

    @property
    def shared_energy_pJ(self) -> Interval:
        """What every rule pays alike."""
        return total(self.energy_pJ[part] for part in SHARED_PARTS if part in self.energy_pJ)

    @property
    def own_energy_pJ(self) -> Interval:
        """What the rule adds."""
        return total(self.energy_pJ[part] for part in self.energy_pJ if part not in SHARED_PARTS)

    @property
    def time_ns(self) -> Interval:
        """All parts, one after the other."""
        return total(self.part_time_ns.values())

    @property
    def own_time_ns(self) -> Interval:
        """What the rule adds."""
        times = self.part_time_ns
        return total(times[part] for part in times if part not in SHARED_PARTS)


def layer_cost(
    layer: LayerShape, method: Method, batch: int, activity: Activity, arrays: ArrayLimits
) -> UpdateCost:
    """The cost of one training step of a layer; a layer that fits one array is a tile.

    Args:
        layer: shape.
        method: rule, circuits, readout.
        batch: samples of a mini-batch.
        activity: what the update does to the devices.
        arrays: largest array, devices per polarity, converters.
    """
    method = method.of_layer(layer)
    operations = layer_operations(layer, method, batch, activity, arrays)
    bits = layer_bits(layer, method, arrays.rows, arrays.columns)
    added = (method.arrays - 1) * layer.weights
    area = memory_area_um2(bits)
    if added:
        area = area + device_area_um2(added, arrays.sharing)
    return UpdateCost(
        bits=bits,
        operations=operations,
        energy_pJ={
            part: energy_pJ(counted, activity.mean_g_uS) for part, counted in operations.items()
        },
        part_time_ns=layer_times_ns(layer, method, batch, activity, arrays),
        area_um2=area,
        added_devices=2 * arrays.sharing * added,
    )


def network_cost(
    layers: Sequence[LayerShape],
    method: Method,
    batch: int,
    activity: Activity | Mapping[str, Activity],
    arrays: ArrayLimits,
) -> UpdateCost:
    """The cost of one training step of all layers; their arrays work side by side.

    Args:
        layers: at least one.
        method: rule, circuits, readout.
        batch: samples of a mini-batch.
        activity: of all layers alike, or of each by its name.
        arrays: largest array, devices per polarity.
    """
    costs = [
        layer_cost(
            layer,
            method,
            batch,
            activity if isinstance(activity, Activity) else activity[layer.name],
            arrays,
        )
        for layer in layers
    ]
    parts = list(dict.fromkeys(part for cost in costs for part in cost.energy_pJ))
    return UpdateCost(
        bits=reduce(add, (cost.bits for cost in costs)),
        operations={
            part: _sum_of([c.operations[part] for c in costs if part in c.operations])
            for part in parts
        },
        energy_pJ={
            part: total(cost.energy_pJ[part] for cost in costs if part in cost.energy_pJ)
            for part in parts
        },
        part_time_ns={
            part: largest(cost.part_time_ns[part] for cost in costs if part in cost.part_time_ns)
            for part in dict.fromkeys(part for cost in costs for part in cost.part_time_ns)
        },
        area_um2=total(cost.area_um2 for cost in costs),
        added_devices=sum(cost.added_devices for cost in costs),
    )


def with_error_reads(cost: UpdateCost, reads: ErrorReadCost) -> UpdateCost:
    """The same step with its errors sent upstream another way: through feedback weights instead of the weights.

    Args:
        cost: of a network under backpropagation.
        reads: of the other way.
    """
    part = "backward reads"
    return replace(
        cost,
        operations={**cost.operations, part: reads.operations},
        energy_pJ={**cost.energy_pJ, part: reads.energy_pJ},
        part_time_ns={**cost.part_time_ns, part: reads.time_ns},
    )


_NOT_ADDED = ("adc_bits", "state_bits_per_tile")


def _sum_of(counted: list[Operations]) -> Operations:
    values = {
        name: max(getattr(one, name) for one in counted)
        if name in _NOT_ADDED
        else sum(getattr(one, name) for one in counted)
        for name in Operations.__dataclass_fields__
    }
    return Operations(**values)
