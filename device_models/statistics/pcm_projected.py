"""Projected cells, whose drift is small."""

from device_models.inference.projected import ProjectedDrift
from device_models.statistics.base import STATISTICS, Parts


@STATISTICS.register("pcm_projected")
def pcm_projected() -> Parts:
    """The same, with the small drift of projected cells."""
    return {"drift": ProjectedDrift()}
