"""``network:`` the layers between the images and the classes, of any kind that is registered."""

from typing import Annotated

from device_models.registry import OneOf
from imc_grapes.networks.base import NETWORKS, NetworkConfig

AnyNetwork = Annotated[NetworkConfig, OneOf(NETWORKS)]
