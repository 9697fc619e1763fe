"""GRAPES on simulated phase-change-memory crossbars: train, evaluate, compare.

Names are imported when they are first used, so that `imc-grapes --help` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossbar import PCMConfig
    from crossbar.array_layers.calibration import calibrate
    from crossbar.array_layers.training_noise import clip_weights
    from imc_grapes import register
    from imc_grapes.config import RunConfig, load_run_config
    from imc_grapes.costs.footprint import footprint
    from imc_grapes.evaluate.drift import evaluate_drift
    from imc_grapes.evaluate.sensitivity import sensitivity
    from imc_grapes.experiment import Outcome, run_experiment
    from imc_grapes.grapes import Grapes
    from imc_grapes.layers.convert import to_crossbar
    from imc_grapes.layers.placement import placement
    from imc_grapes.rules import optimizer
    from imc_grapes.spiking import SNU, sSNU
    from imc_grapes.store import load_results
    from imc_grapes.transport import DirectFeedbackAlignment, FeedbackAlignment
    from kernels.errors import InputError

_HOMES = {
    "DirectFeedbackAlignment": "imc_grapes.transport",
    "FeedbackAlignment": "imc_grapes.transport",
    "Grapes": "imc_grapes.grapes",
    "InputError": "kernels.errors",
    "Outcome": "imc_grapes.experiment",
    "PCMConfig": "crossbar",
    "RunConfig": "imc_grapes.config",
    "SNU": "imc_grapes.spiking",
    "calibrate": "crossbar.array_layers.calibration",
    "clip_weights": "crossbar.array_layers.training_noise",
    "evaluate_drift": "imc_grapes.evaluate.drift",
    "sensitivity": "imc_grapes.evaluate.sensitivity",
    "footprint": "imc_grapes.costs.footprint",
    "load_run_config": "imc_grapes.config",
    "load_results": "imc_grapes.store",
    "optimizer": "imc_grapes.rules",
    "placement": "imc_grapes.layers.placement",
    "run_experiment": "imc_grapes.experiment",
    "sSNU": "imc_grapes.spiking",
    "to_crossbar": "imc_grapes.layers.convert",
}

__all__ = [
    "SNU",
    "DirectFeedbackAlignment",
    "FeedbackAlignment",
    "Grapes",
    "InputError",
    "Outcome",
    "PCMConfig",
    "RunConfig",
    "calibrate",
    "clip_weights",
    "evaluate_drift",
    "footprint",
    "load_results",
    "load_run_config",
    "optimizer",
    "placement",
    "register",
    "run_experiment",
    "sSNU",
    "sensitivity",
    "to_crossbar",
]


def __getattr__(name: str) -> Any:
    if name == "register":
        return import_module("imc_grapes.register")
    if name not in _HOMES:
        raise AttributeError(f"module 'imc_grapes' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
