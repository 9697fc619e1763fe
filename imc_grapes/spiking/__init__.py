"""Spiking neural units: layers of spiking (`SNU`) and soft (`sSNU`) units in the manner of `torch.nn`."""

from imc_grapes.spiking.layer import SNUState
from imc_grapes.spiking.snu import SNU
from imc_grapes.spiking.ssnu import sSNU

__all__ = ["SNU", "SNUState", "sSNU"]
