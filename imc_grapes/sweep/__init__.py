"""Many experiments from one YAML file: expanded, checked, run on Dask, kept in a store."""

from imc_grapes.store.plan import SweepPlan, Trial
from imc_grapes.sweep.load import load_sweep

__all__ = ["SweepPlan", "Trial", "load_sweep"]
