"""Storage of sub-pulse weight resolution: K devices per polarity, or digital matrices beside one device each."""

from dataclasses import dataclass

from crossbar.costs.activity import Activity
from crossbar.costs.area import device_area_um2, memory_area_um2
from crossbar.costs.energy import device_read_pJ, energy_pJ
from crossbar.costs.interval import Interval
from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.method import Method
from crossbar.costs.operations import ArrayLimits, layer_operations
from crossbar.costs.state import layer_bits

_STATEFUL = ("gradient again", "chi", "optimizer", "device pulses", "pulse generation")
_STATELESS = ("device pulses", "pulse generation")


@dataclass(frozen=True)
class StorageOption:
    """Storage of sub-pulse weight resolution, for what one SET pulse is too coarse for.

    Attributes:
        area_um2: of devices and memory, for the whole layer.
        energy_pJ: of one update: pulses, memory, and what the devices draw as the mini-batch is read forward and back.
    """

    area_um2: Interval
    energy_pJ: Interval


def analog_storage(
    layer: LayerShape, method: Method, batch: int, activity: Activity, sharing: int
) -> StorageOption:
    """K devices per polarity: each holds a Kth of the weight, so the same change takes K times the pulses.

    Args:
        layer: shape.
        method: a pulsed one.
        batch: samples of a mini-batch; each is read forward and back.
        activity: pulses per weight with one device per polarity.
        sharing: K.
    """
    more = Activity(sharing * activity.pulses, 0.0, 0.0, activity.mean_g_uS)
    parts = layer_operations(layer, method, batch, more, ArrayLimits(sharing=sharing))
    energy = _reads_pJ(layer, batch, activity, sharing)
    for part in _STATELESS:
        energy = energy + energy_pJ(parts[part], activity.mean_g_uS)
    return StorageOption(device_area_um2(layer.weights, sharing), energy)


def digital_storage(
    layer: LayerShape, method: Method, batch: int, activity: Activity
) -> StorageOption:
    """chi and the optimizer's matrices, with one device per polarity.

    Args:
        layer: shape.
        method: an accumulated one.
        batch: samples of a mini-batch.
        activity: pulses per weight of such a method.
    """
    method = method.of_layer(layer)
    parts = layer_operations(layer, method, batch, activity, ArrayLimits())
    energy = _reads_pJ(layer, batch, activity, 1)
    for part in _STATEFUL:
        if part in parts:
            energy = energy + energy_pJ(parts[part], activity.mean_g_uS)
    area = device_area_um2(layer.weights, 1) + memory_area_um2(
        layer_bits(layer, method, None, None)
    )
    return StorageOption(area, energy)


def _reads_pJ(layer: LayerShape, batch: int, activity: Activity, sharing: int) -> Interval:
    reads = 2.0 * batch * layer.positions * 2.0 * sharing * layer.weights
    return reads * device_read_pJ(activity.mean_g_uS)
