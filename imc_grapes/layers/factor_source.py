"""The factors of one layer, and its part in the algorithm, as its hooks see them."""

from typing import Any

from torch import Tensor


class FactorSource:
    """Gives a layer's factors on demand; a class rather than a closure so that a hooked model can be pickled.

    Args:
        grapes: the `Grapes` that acts on the layer.
        name: of the layer.
    """

    def __init__(self, grapes: Any, name: str) -> None:
        self.grapes = grapes
        self.name = name

    def __call__(self) -> Tensor:
        """The factors ``[n_out]`` (of inputs ``[n_in]``) that the coming update is modulated by."""
        factors: Tensor = self.grapes.factors_in_use(self.name)
        return factors

    @property
    def is_listed(self) -> bool:
        """Whether the layer takes part, as far as is known."""
        return self.name in self.grapes.layers

    @property
    def is_decided(self) -> bool:
        """Whether an update has shown that the layer is hidden."""
        return bool(self.grapes.is_decided(self.name))

    def is_hidden(self) -> bool:
        """Whether it is, as the passes up to this backward pass show.

        Raises:
            InputError: it is hidden and output layer at once, or shares its weights with an output layer.
        """
        return bool(self.grapes.is_hidden(self.name))

    def ran(self) -> None:
        """A hook of the layer has done its work."""
        self.grapes.first_update.ran(self.name)
