"""Put a digital network on hardware: plain torch layers, or the tiles of a crossbar simulator."""

from imc_grapes.hardware.build import on_hardware

__all__ = ["on_hardware"]
