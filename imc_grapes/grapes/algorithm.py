"""`Grapes`: modulation of the error by node importance, attached to a model from outside."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from torch import Tensor, nn

from imc_grapes.grapes.error_hooks import ErrorModulation, modulate_after_batch_norm
from imc_grapes.grapes.factors import layer_factors
from imc_grapes.grapes.layers import choose_layers
from imc_grapes.grapes.update_hooks import modulate_update, modulates_update
from kernels.errors import InputError

Mode = Literal["propagating", "local", "lr_matched"]


class Grapes:
    """Attach GRAPES to a model; the training loop and the optimizer stay as they are.

    Each node's error is multiplied by ``M_j = clip(2 I_j / max_k I_k, 1, 2)``, with the importance
    ``I_j = sum_i |w_ji|`` of the node's incoming weights, read once per weight update from the weights, or the
    crossbar, of that moment (Dellaferrera et al., Nat. Commun. 13, 1885 (2022)). The forward pass is untouched, and
    nothing is kept from one update to the next.

    Args:
        model: any module with weight layers: `nn.Linear`, `nn.Conv1d/2d/3d`, `SNU`, `sSNU`, analog layers of aihwkit,
            mixed at will. Units of `SNU` and `sSNU` count their input and recurrent weights together; their error is
            modulated once per time step, where it enters from outside.
        mode: *propagating*: the modulated error updates the layer and is what the layers upstream receive; behind
            a layer that feeds a batch normalisation, it is the error at the output of that normalisation, as in the
            authors' code. *local*: only the layer's own update (weights, biases, output scales) is modulated.
            *lr_matched*: as *propagating*, with the layer's mean factor for every node: the control that tells
            GRAPES from a larger learning rate.
        layers: names of the layers that take part; by default all weight layers but the last.
        exclude: names of layers that take no part.

    Raises:
        InputError: an unknown mode or layer name, no layer left to act on, or a layer that another `Grapes` still
            acts on, so that its factors would be squared.
    """

    def __init__(
        self,
        model: nn.Module,
        mode: Mode = "propagating",
        *,
        layers: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
    ) -> None:
        if mode not in get_args(Mode):
            raise InputError(f"mode: {mode!r} is not one of {', '.join(get_args(Mode))}")
        self.mode: Mode = mode
        self._layers = choose_layers(model, layers, exclude)
        _refuse_modulated(self._layers)
        self._handles: list[Any] = []
        for name, layer in self._layers.items():
            if mode == "local":
                self._handles += modulate_update(name, layer, _Factors(self, name))
            else:
                hook = ErrorModulation(_Factors(self, name))
                self._handles.append(layer.register_forward_hook(hook))
        if mode != "local":
            self._handles += modulate_after_batch_norm(model)

    def factors(self) -> dict[str, Tensor]:
        """The factors as the weights are now: ``{layer name: [n_out]}``.

        Raises:
            NonFiniteWeightError: a weight or conductance is NaN or infinite; the message names the layer.
        """
        return {name: self.layer_factors(name) for name in self._layers}

    def layer_factors(self, name: str) -> Tensor:
        """The factors ``[n_out]`` of the layer called `name`, as its weights are now."""
        factors = layer_factors(name, self._layers[name])
        return factors.mean().expand_as(factors) if self.mode == "lr_matched" else factors

    def detach(self) -> None:
        """Leave the model as it was before; calling it again does nothing."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def _refuse_modulated(layers: dict[str, nn.Module]) -> None:
    for name, layer in layers.items():
        hooks = layer._forward_hooks.values()
        if modulates_update(layer) or any(isinstance(hook, ErrorModulation) for hook in hooks):
            raise InputError(
                f"layer '{name}': another Grapes acts on it already; call its detach() first"
            )


class _Factors:
    """The factors of one layer, on demand; a class rather than a closure so that a hooked model can be pickled."""

    def __init__(self, grapes: Grapes, name: str) -> None:
        self._grapes = grapes
        self._name = name

    def __call__(self) -> Tensor:
        return self._grapes.layer_factors(self._name)
