"""The cost of one update: of a tile, of a layer, of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from crossbar.costs.activity import Activity
from crossbar.costs.area import memory_area_um2
from crossbar.costs.duration import layer_time_ns
from crossbar.costs.energy import energy_pJ
from crossbar.costs.interval import Interval, largest, total
from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.method import Method
from crossbar.costs.operations import ArrayLimits, Operations, layer_operations
from crossbar.costs.state import Bits, layer_bits


@dataclass(frozen=True)
class UpdateCost:
    """What one update takes.

    Attributes:
        bits: kept and used by the update circuits.
        operations: counts by part.
        energy_pJ: by part.
        time_ns: with all arrays side by side.
        area_um2: of the memory that the update circuits add.
    """

    bits: Bits
    operations: dict[str, Operations]
    energy_pJ: dict[str, Interval]
    time_ns: Interval
    area_um2: Interval

    @property
    def total_energy_pJ(self) -> Interval:
        """All parts together."""
        return total(self.energy_pJ.values())


def layer_cost(
    layer: LayerShape, method: Method, batch: int, activity: Activity, arrays: ArrayLimits
) -> UpdateCost:
    """The cost of one update of a layer; a layer that fits one array is a tile.

    Args:
        layer: shape.
        method: rule, circuits, readout.
        batch: samples of a mini-batch.
        activity: what the update does to the devices.
        arrays: largest array, devices per polarity.
    """
    operations = layer_operations(layer, method, batch, activity, arrays)
    bits = layer_bits(layer, method, arrays.rows, arrays.columns)
    return UpdateCost(
        bits=bits,
        operations=operations,
        energy_pJ={
            part: energy_pJ(counted, activity.mean_g_uS) for part, counted in operations.items()
        },
        time_ns=layer_time_ns(layer, method, batch, activity, arrays),
        area_um2=memory_area_um2(bits),
    )


def network_cost(
    layers: Sequence[LayerShape],
    method: Method,
    batch: int,
    activity: Activity | Mapping[str, Activity],
    arrays: ArrayLimits,
) -> UpdateCost:
    """The cost of one update of all layers; their arrays work side by side.

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
        time_ns=largest(cost.time_ns for cost in costs),
        area_um2=total(cost.area_um2 for cost in costs),
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
