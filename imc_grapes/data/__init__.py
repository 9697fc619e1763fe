"""Data sets: where they lie, how they are read, how they are split."""

from imc_grapes.data.dataset import Dataset, Split, batches
from imc_grapes.data.load import load_dataset

__all__ = ["Dataset", "Split", "batches", "load_dataset"]
