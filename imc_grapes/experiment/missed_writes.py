"""Device pairs that the pulses of a write did not bring to their weights, over all tiles of a network."""

from torch import nn

from imc_grapes.config.schema import HardwareConfig, PCMHardware


def count_missed_writes(model: nn.Module, hardware: HardwareConfig) -> dict[str, int] | None:
    """How often programming and refresh fell short; None where there are no PCM tiles.

    Args:
        model: the network on its hardware.
        hardware: what it was put on.

    Returns:
        `program` and `refresh`, each a number of pairs; see `crossbar.pair_array.Counters`.
    """
    if not isinstance(hardware, PCMHardware):
        return None
    from crossbar import PCMTile

    tiles = [module for module in model.modules() if isinstance(module, PCMTile)]
    return {
        kind: sum(tile.counters[f"{kind}_missed"] for tile in tiles)
        for kind in ("program", "refresh")
    }
