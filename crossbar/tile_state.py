"""The entry of a PCM tile in a `state_dict`."""

import copy
from typing import Any, Self


class TileState(dict[str, Any]):
    """Devices, update circuits, streams and configuration of one tile: no tensor, but copied as one is.

    `{key: value.detach().cpu().clone() for key, value in model.state_dict().items()}` works with it, and so do
    `copy.deepcopy`, `pickle` and `torch.save`.
    """

    def clone(self) -> Self:
        """A copy that shares nothing."""
        return copy.deepcopy(self)

    def detach(self) -> Self:
        """Itself: nothing in it is part of a graph."""
        return self

    def cpu(self) -> Self:
        """Itself: it lies on the CPU."""
        return self
