"""A million-device PCM array: the defaults of `InferenceStatistics`, with their sources there."""

from device_models.statistics.base import STATISTICS, Parts


@STATISTICS.register("pcm_nandakumar2019")
def pcm_nandakumar2019() -> Parts:
    """Programming noise, drift and read noise of a million-device PCM array."""
    return {}
