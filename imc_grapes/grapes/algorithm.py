"""`Grapes`: modulation of the error by node importance, attached to a model from outside."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor, nn

from crossbar.readout import Readout
from crossbar.readout.layer import count_readout
from imc_grapes.grapes.error_hooks import ErrorModulation, modulate_after_batch_norm
from imc_grapes.grapes.factors import EXACT, layer_factors
from imc_grapes.grapes.layers import choose_layers, incoming_weights, is_analog
from imc_grapes.grapes.quantised import quantised
from imc_grapes.grapes.update_count import UpdateCount
from imc_grapes.grapes.update_hooks import modulate_update, modulates_update
from kernels.errors import InputError

Mode = Literal["propagating", "local", "lr_matched"]
MOST_FACTOR_BITS = 16


class _Held(NamedTuple):
    """The factors of the last reading of a layer, and the update that it was made for."""

    update: int
    factors: Tensor


class Grapes:
    """Attach GRAPES to a model; the training loop and the optimizer stay as they are.

    Each node's error is multiplied by ``M_j = clip(2 I_j / max_k I_k, 1, 2)``, with the importance
    ``I_j = sum_i |w_ji|`` of the node's incoming weights, read once per weight update from the weights, or the
    crossbar, of that moment (Dellaferrera et al., Nat. Commun. 13, 1885 (2022)). The forward pass is untouched, and
    nothing is kept from one update to the next; only a readout that is noisy or read at intervals keeps the n_out
    factors of each layer until its next reading.

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
        readout: the circuit that reads the importance off the crossbars: `PerDevice`, `ColumnCurrent` or `Probe` of
            `crossbar`; exact by default. A layer is read once per weight update, whatever the number of forward passes.
        factor_bits: word length of the factor in the update path, for [1, 2]; None for no rounding.

    Raises:
        InputError: an unknown mode or layer name, no layer left to act on, a layer that another `Grapes` still
            acts on, so that its factors would be squared, a readout circuit for a layer that lies on no crossbar, or an
            impossible factor_bits.
    """

    def __init__(
        self,
        model: nn.Module,
        mode: Mode = "propagating",
        *,
        layers: Iterable[str] | None = None,
        exclude: Iterable[str] = (),
        readout: Readout = EXACT,
        factor_bits: int | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise InputError(f"mode: {mode!r} is not one of {', '.join(get_args(Mode))}")
        _check_update_path(readout, factor_bits)
        self.mode: Mode = mode
        self.readout = readout
        self.factor_bits = factor_bits
        self._layers = choose_layers(model, layers, exclude)
        _refuse_modulated(self._layers)
        _refuse_digital(self._layers, readout)
        self._updates = UpdateCount(self._layers)
        self._held: dict[str, _Held] = {}
        self._counted: dict[str, int] = {}
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
        draw = self._updates.of(name)
        factors = layer_factors(name, self._layers[name], self.readout, draw)
        if self.mode == "lr_matched":
            factors = factors.mean().expand_as(factors)
        return factors if self.factor_bits is None else quantised(factors, self.factor_bits)

    def factors_in_use(self, name: str) -> Tensor:
        """The factors ``[n_out]`` that the coming update of the layer called `name` is modulated by."""
        update = self._updates.of(name)
        held = self._held.get(name)
        if held is not None and update - held.update < self.readout.refresh_every:
            return held.factors
        factors = self.layer_factors(name)
        if self._counted.get(name) != update:
            self._counted[name] = update
            for part in filter(is_analog, incoming_weights(self._layers[name])):
                count_readout(part)
        if self.readout.is_held:
            self._held[name] = _Held(update, factors)
        return factors

    def state_dict(self) -> dict[str, Any]:
        """What a training needs to go on to the same result: the count of updates, and factors that are being held."""
        held = {name: (one.update, one.factors) for name, one in self._held.items()}
        return {**self._updates.state_dict(), "held": held, "counted": dict(self._counted)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._updates.load_state_dict(state)
        self._held = {name: _Held(*one) for name, one in state["held"].items()}
        self._counted = dict(state["counted"])

    def detach(self) -> None:
        """Leave the model as it was before; calling it again does nothing."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def _check_update_path(readout: Any, factor_bits: Any) -> None:
    if not isinstance(readout, Readout):
        raise InputError(
            f"readout: must be PerDevice, ColumnCurrent or Probe of crossbar (got {readout!r})"
        )
    if factor_bits is None:
        return
    is_count = isinstance(factor_bits, int) and not isinstance(factor_bits, bool)
    if not (is_count and 1 <= factor_bits <= MOST_FACTOR_BITS):
        raise InputError(
            f"factor_bits: must be an integer from 1 to {MOST_FACTOR_BITS}, or None (got {factor_bits!r})"
        )


def _refuse_digital(layers: dict[str, nn.Module], readout: Readout) -> None:
    if readout.is_exact:
        return
    for name, layer in layers.items():
        if not all(is_analog(part) for part in incoming_weights(layer)):
            raise InputError(
                f"readout: layer '{name}' lies on no crossbar, so the circuit {readout!r} has nothing to read there; "
                "name it in exclude=, or leave the readout exact"
            )


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
        return self._grapes.factors_in_use(self._name)
