"""Put a digital network on hardware: plain torch layers, or the tiles of a crossbar simulator.

`on_hardware` is imported when it is first used, so that reading a config or a report does not wait for torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imc_grapes.hardware.build import on_hardware

__all__ = ["on_hardware"]


def __getattr__(name: str) -> Any:
    if name != "on_hardware":
        raise AttributeError(f"module 'imc_grapes.hardware' has no attribute '{name}'")
    from imc_grapes.hardware.build import on_hardware

    return on_hardware
