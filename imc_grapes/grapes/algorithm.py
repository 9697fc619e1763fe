"""`Grapes`: modulation of the error by node importance, attached to a model from outside."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor, nn

from crossbar.readout import Readout
from crossbar.readout.layer import count_readout
from imc_grapes.error_transport.base import attached_transport
from imc_grapes.grapes.attached import modulated_layer
from imc_grapes.grapes.compiled import trace_anew, uncompiled
from imc_grapes.grapes.direct_feedback import attach_direct, direct_rule
from imc_grapes.grapes.error_hooks import ErrorModulation, modulate_after_batch_norm
from imc_grapes.grapes.factors import EXACT, layer_factors
from imc_grapes.grapes.incoming_weights import incoming_weights, is_analog, is_recurrent
from imc_grapes.grapes.input_factors import input_factors
from imc_grapes.grapes.layers import choose_layers
from imc_grapes.grapes.quantised import quantised
from imc_grapes.grapes.recurrent_hooks import modulate_recurrent
from imc_grapes.grapes.shared_weights import refuse_shared
from imc_grapes.grapes.update_count import UpdateCount
from imc_grapes.grapes.update_hooks import modulate_update
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

    An error transport that is attached to the model is followed by its own rule, as in the authors' code. Under
    `FeedbackAlignment` the factors are not clipped from below. Under `DirectFeedbackAlignment` they are not either, and
    count the outgoing weights of a node, ``P_i = 2 J_i / max_k J_k`` with ``J_i = sum_j |w_ji|`` over the inputs of a
    layer: a hidden layer in the middle gets ``delta_l = (P_{l+1} * (B_l e)) * f'(a_l)``, without ``P_{l+1}`` before
    the output layer, and its update is scaled by its own ``P_l`` per incoming weight (not its bias); the first hidden
    layer gets no factor. What *lr_matched* means there: the mean of each ``P`` in place of it.

    Args:
        model: any module with weight layers: `nn.Linear`, `nn.Conv1d/2d/3d`, analog layers of aihwkit, recurrent
            layers and cells of torch (one layer, one direction), of aihwkit and of this package, `SNU` and `sSNU`,
            mixed at will. The importance of a recurrent unit counts its input and recurrent weights together, those
            of all its gates (*inferred*); its error is modulated once per time step, where it enters from outside:
            at the layer's outputs, and at its last state unless that is handed back to the layer.
        mode: *propagating*: the modulated error updates the layer and is what the layers upstream receive; behind
            a layer that feeds a batch normalisation, it is the error at the output of that normalisation, as in the
            authors' code. *local*: only the layer's own update (weights, biases, output scales) is modulated.
            *lr_matched*: as *propagating*, with the layer's mean factor for every node: the control that tells
            GRAPES from a larger learning rate. Under direct feedback alignment no error goes upstream, so *local* is
            not there.
        layers: names of the layers that take part; by default all weight layers but the last.
        exclude: names of layers that take no part.
        readout: the circuit that reads the importance off the crossbars: `PerDevice`, `ColumnCurrent`, `Probe` of
            `crossbar`; exact by default. A layer is read once per weight update, whatever the number of forward passes.
        factor_bits: word length of the factor in the update path, for [1, 2], or [0, 2] if it is not clipped; None
            for no rounding.
        clip: whether the factors are clipped from below at 1; None for what the authors' code does under the model's
            error transport: yes under backpropagation, no otherwise.

    Raises:
        InputError: an unknown mode or layer name, no layer left to act on, a last layer that also stands further up,
            weights that *local* cannot scale, a layer that another `Grapes` still acts on, so that its factors would
            be squared, a readout circuit for a layer that lies on no crossbar, or an impossible factor_bits.
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
        clip: bool | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise InputError(f"mode: {mode!r} is not one of {', '.join(get_args(Mode))}")
        _check_update_path(readout, factor_bits)
        model = uncompiled(model)
        self.mode: Mode = mode
        self.readout = readout
        self.factor_bits = factor_bits
        transport = attached_transport(model)
        self.clip = transport is None if clip is None else clip
        self._layers = choose_layers(model, layers, exclude)
        self._is_direct = transport is not None and transport.is_direct
        if transport is not None and transport.is_direct:
            _check_direct(mode, readout)
            rule = direct_rule(transport, self._layers)
            self._layers = rule.layers
        _refuse_modulated(self._layers)
        _refuse_digital(self._layers, readout)
        if mode == "local":
            refuse_shared(model, self._layers)
        trace_anew()
        self._updates = UpdateCount(self._layers)
        self._held: dict[str, _Held] = {}
        self._counted: dict[str, int] = {}
        self._handles: list[Any] = []
        if transport is not None and transport.is_direct:
            self._handles += attach_direct(transport, rule, lambda name: _Factors(self, name))
            return
        for name, layer in self._layers.items():
            if mode == "local":
                self._handles += modulate_update(name, layer, _Factors(self, name))
            elif is_recurrent(layer):
                self._handles += modulate_recurrent(name, layer, _Factors(self, name))
            else:
                hook = ErrorModulation(_Factors(self, name))
                self._handles.append(layer.register_forward_hook(hook))
        if mode != "local":
            self._handles += modulate_after_batch_norm(model)

    def factors(self) -> dict[str, Tensor]:
        """The factors as the weights are now: ``{layer name: [n_out]}``.

        Under direct feedback alignment those of the layers' inputs, ``[n_in]``.

        Raises:
            NonFiniteWeightError: a weight or conductance is NaN or infinite; the message names the layer.
        """
        return {name: self.layer_factors(name) for name in self._layers}

    def layer_factors(self, name: str) -> Tensor:
        """The factors ``[n_out]`` of the layer called `name`, as its weights are now."""
        low = 1.0 if self.clip else 0.0
        if self._is_direct:
            factors = input_factors(name, self._layers[name], low)
        else:
            draw = self._updates.of(name)
            factors = layer_factors(name, self._layers[name], self.readout, draw, low)
        if self.mode == "lr_matched":
            factors = factors.mean().expand_as(factors)
        return factors if self.factor_bits is None else quantised(factors, self.factor_bits, low)

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
        trace_anew()


def _check_update_path(readout: Any, factor_bits: Any) -> None:
    if not isinstance(readout, Readout):
        raise InputError(
            f"readout: must be a circuit such as crossbar.ColumnCurrent (got {readout!r})"
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


def _check_direct(mode: Mode, readout: Readout) -> None:
    if mode == "local":
        raise InputError(
            "mode: 'local' keeps the modulated error from going upstream, and under direct feedback alignment none "
            "does; use 'propagating'"
        )
    if not readout.is_exact:
        raise InputError(
            "readout: under direct feedback alignment the factors are those of a layer's inputs, and the circuit "
            f"{readout!r} reads its nodes; leave the readout exact"
        )


def _refuse_modulated(layers: dict[str, nn.Module]) -> None:
    found = modulated_layer(layers)
    if found is not None:
        raise InputError(
            f"layer '{found}': another Grapes acts on it already; call its detach() first"
        )


class _Factors:
    """The factors of one layer, on demand; a class rather than a closure so that a hooked model can be pickled."""

    def __init__(self, grapes: Grapes, name: str) -> None:
        self._grapes = grapes
        self._name = name

    def __call__(self) -> Tensor:
        return self._grapes.factors_in_use(self._name)
