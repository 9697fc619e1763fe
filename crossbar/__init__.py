"""Arrays of devices and the circuits around them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossbar.pcm_config import PCMConfig
    from crossbar.pcm_tile import PCMTile, drifted
    from crossbar.readout import ColumnCurrent, PerDevice, Probe
    from crossbar.tile_conductances import TileConductances, conductances

__all__ = [
    "ColumnCurrent",
    "PCMConfig",
    "PCMTile",
    "PerDevice",
    "Probe",
    "TileConductances",
    "conductances",
    "drifted",
]

_HOME = {
    "ColumnCurrent": "crossbar.readout",
    "PCMConfig": "crossbar.pcm_config",
    "PCMTile": "crossbar.pcm_tile",
    "PerDevice": "crossbar.readout",
    "Probe": "crossbar.readout",
    "TileConductances": "crossbar.tile_conductances",
    "conductances": "crossbar.tile_conductances",
    "drifted": "crossbar.pcm_tile",
}


def __getattr__(name: str) -> Any:
    # The tile brings aihwkit and compiled kernels, which other users of this package do not need.
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'crossbar' has no attribute '{name}'")
