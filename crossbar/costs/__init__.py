"""What a training step costs on the chip: bits, energy, time, area; from constants with their sources, as ranges.

The constants are in ``constants.yaml`` beside this file, on one technology basis.
"""

from crossbar.costs.activity import Activity
from crossbar.costs.area import device_area_um2
from crossbar.costs.constants import (
    BASIS_NM,
    ENERGY_TO_BASIS,
    Constant,
    constant,
    load_constants,
    prices,
    scaled_constants,
)
from crossbar.costs.core_mvm import HERMES_MVM_PJ, core_mvm_pJ
from crossbar.costs.feedback import (
    DEVICES_PER_FEEDBACK_WEIGHT,
    ErrorReadCost,
    FeedbackShape,
    backpropagation_cost,
    feedback_cost,
)
from crossbar.costs.interval import Interval
from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.method import Method
from crossbar.costs.operations import SHARED_PARTS, ArrayLimits, Operations
from crossbar.costs.state import Bits
from crossbar.costs.storage_options import StorageOption, analog_storage, digital_storage
from crossbar.costs.update_cost import UpdateCost, layer_cost, network_cost, with_error_reads

__all__ = [
    "BASIS_NM",
    "DEVICES_PER_FEEDBACK_WEIGHT",
    "ENERGY_TO_BASIS",
    "HERMES_MVM_PJ",
    "SHARED_PARTS",
    "Activity",
    "ArrayLimits",
    "Bits",
    "Constant",
    "ErrorReadCost",
    "FeedbackShape",
    "Interval",
    "LayerShape",
    "Method",
    "Operations",
    "StorageOption",
    "UpdateCost",
    "analog_storage",
    "backpropagation_cost",
    "constant",
    "core_mvm_pJ",
    "device_area_um2",
    "digital_storage",
    "feedback_cost",
    "layer_cost",
    "load_constants",
    "network_cost",
    "prices",
    "scaled_constants",
    "with_error_reads",
]
