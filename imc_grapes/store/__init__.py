"""What a sweep has found so far: one SQLite file, written by one process, read by any number."""

from imc_grapes.store.frames import load_results
from imc_grapes.store.reader import StoredSweep, read_sweep
from imc_grapes.store.writer import StoreWriter

__all__ = ["StoreWriter", "StoredSweep", "load_results", "read_sweep"]
