"""A footprint as plain values for JSON."""

from dataclasses import asdict
from typing import Any

import numpy as np

from crossbar.costs import (
    BASIS_NM,
    HERMES_MVM_PJ,
    SHARED_PARTS,
    ErrorReadCost,
    Interval,
    Operations,
    UpdateCost,
    scaled_constants,
)
from imc_grapes.config import config_hash
from imc_grapes.costs.wear import LIFETIME_ASSUMPTION
from imc_grapes.experiment.footprint.footprint import Footprint, MethodFootprint


def footprint_as_json(footprint: Footprint) -> dict[str, Any]:
    """Everything that was measured and priced; units are in the names of the keys."""
    config = footprint.config
    return {
        "name": config.name,
        "config_hash": config_hash(config),
        "batch_size": config.data.batch_size,
        "weights": sum(layer.weights for layer in footprint.layers),
        "layers": [asdict(layer) for layer in footprint.layers],
        "data": footprint.data,
        "updates_measured": footprint.updates,
        "updates_before": footprint.after,
        "run": None if footprint.run is None else footprint.run.name,
        "node_nm": footprint.node_nm,
        "scaled_to_node": scaled_constants() if footprint.node_nm != BASIS_NM else [],
        "own_constants": {name: one.model_dump() for name, one in footprint.constants.items()},
        "device_area_um2": footprint.device_area_um2.as_dict(),
        "lifetime_assumption": LIFETIME_ASSUMPTION,
        "shared_parts": list(SHARED_PARTS),
        "methods": [_method(one, footprint) for one in footprint.methods],
        "squares": {
            str(size): {one.compared.label: _short(one.squares[size]) for one in footprint.methods}
            for size in footprint.methods[0].squares
        },
        "networks": {
            name: {one.compared.label: _short(one.networks[name]) for one in footprint.methods}
            for name in footprint.methods[0].networks
        },
        "storage_options": {
            "layer": footprint.held_layer.name,
            "weights": footprint.held_layer.weights,
            "options": {
                name: {
                    "area_um2": one.area_um2.as_dict(),
                    "energy_pJ_per_update": one.energy_pJ.as_dict(),
                }
                for name, one in footprint.storage_options.items()
            },
        },
        "error_transport": {
            "kind": config.training.error_transport,
            "feedback": _error_reads(footprint.error_reads),
            "backpropagation": _error_reads(footprint.backpropagation_reads),
        },
        "core_mvm_check": {
            "model_pJ": footprint.core_mvm_pJ.as_dict(),
            "published_pJ": HERMES_MVM_PJ,
            "source": "HERMES, doi 10.1109/JSSC.2022.3140414 (abstract), computed",
        },
    }


def _method(one: MethodFootprint, footprint: Footprint) -> dict[str, Any]:
    method, cost, host = one.compared.method, one.cost, one.host
    sgd = footprint.sgd_on(method.update.kind).cost.total_energy_pJ.typical
    return {
        "name": method.name,
        "label": one.compared.label,
        "periphery": method.update.kind,
        "readout": None if method.readout is None else method.readout.model_dump(),
        "factor_bits": one.compared.config.training.grapes.factor_bits,
        "learning_rate": one.compared.config.training.optimizer.lr,
        "word_bits": method.word_bits,
        "operand_bits": method.operand_bits,
        "train_loss_measured": host.train_loss,
        "state_bits": cost.bits.state,
        "accumulator_bits": cost.bits.accumulator,
        "register_bits": cost.bits.registers,
        "table_bits": cost.bits.tables,
        "host_state_bytes_measured": host.state_bytes,
        "host_state_arrays": host.state_arrays,
        "host_step_peak_bytes_measured": host.step_peak_bytes,
        "energy_pJ_per_update": cost.total_energy_pJ.as_dict(),
        "energy_pJ_per_update_shared": cost.shared_energy_pJ.as_dict(),
        "energy_pJ_per_update_own": cost.own_energy_pJ.as_dict(),
        "energy_to_sgd_on_the_same_circuits": cost.total_energy_pJ.typical / sgd,
        "energy_pJ_per_update_by_part": {
            part: energy.as_dict() for part, energy in cost.energy_pJ.items()
        },
        "time_ns_per_update": cost.time_ns.typical,
        "time_ns_per_update_range": cost.time_ns.as_dict(),
        "time_ns_per_update_own": cost.own_time_ns.as_dict(),
        "time_ns_per_update_by_part": {
            part: time.as_dict() for part, time in cost.part_time_ns.items()
        },
        "area_um2": cost.area_um2.as_dict(),
        "added_devices": cost.added_devices,
        "operations_per_update": {
            part: _nonzero(counted) for part, counted in cost.operations.items()
        },
        "set_pulses_per_device": host.wear.set_per_update,
        "reset_pulses_per_device": host.wear.reset_per_update,
        "largest_pulses_per_device": host.wear.most_per_update,
        "devices_by_pulses": np.bincount(host.wear.pulses).tolist(),
        "lifetime_updates": _lifetime(one.lifetime_updates),
        "lifetime_updates_mean": _lifetime(one.mean_lifetime_updates),
        "activity_per_weight": {name: asdict(measured) for name, measured in host.activity.items()},
    }


def _lifetime(updates: Interval | None) -> dict[str, float] | None:
    return None if updates is None else updates.as_dict()


def _error_reads(cost: ErrorReadCost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {
        "weights": cost.weights,
        "devices_added": cost.devices,
        "area_um2_added": cost.area_um2.as_dict(),
        "energy_pJ_per_mini_batch": cost.energy_pJ.as_dict(),
        "time_ns_per_mini_batch": cost.time_ns.as_dict(),
        "write_pJ_once": cost.write_pJ.as_dict(),
        "operations_per_mini_batch": _nonzero(cost.operations),
    }


def _nonzero(counted: Operations) -> dict[str, float]:
    nonzero = {name: value for name, value in asdict(counted).items() if value}
    if not counted.conversions:
        del nonzero["adc_bits"]
    return nonzero


def _short(cost: UpdateCost) -> dict[str, Any]:
    return {
        "state_bits": cost.bits.state,
        "accumulator_bits": cost.bits.accumulator,
        "register_bits": cost.bits.registers,
        "energy_pJ_per_update": cost.total_energy_pJ.as_dict(),
        "time_ns_per_update": cost.time_ns.typical,
        "area_um2": cost.area_um2.as_dict(),
    }
