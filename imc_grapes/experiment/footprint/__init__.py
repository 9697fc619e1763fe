"""What the update of a network takes, on the chip and on this machine, for every optimizer and periphery."""

from imc_grapes.experiment.footprint.footprint import Footprint, MethodFootprint, measure_footprint

__all__ = ["Footprint", "MethodFootprint", "measure_footprint"]
