"""Many experiments from one YAML file: expanded, checked, run on Dask, kept in a store."""

from imc_grapes.sweep.load import load_sweep
from imc_grapes.sweep.plan import SweepPlan, Trial

__all__ = ["SweepPlan", "Trial", "load_sweep"]
