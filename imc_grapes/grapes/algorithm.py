"""`Grapes`: modulation of the error by node importance, attached to a model from outside."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from crossbar.array_layers import is_array_layer
from crossbar.readout import Readout
from crossbar.readout.layer import count_readout
from imc_grapes.grapes.compiled import trace_anew, uncompiled
from imc_grapes.grapes.data_flow import DataFlow, Watch
from imc_grapes.grapes.direct_feedback import attach_direct, direct_rule
from imc_grapes.grapes.error_hooks import (
    BatchNormTakesOver,
    ErrorModulation,
    modulate_after_batch_norm,
)
from imc_grapes.grapes.factors import EXACT, layer_factors
from imc_grapes.grapes.input_factors import input_factors
from imc_grapes.grapes.recurrent_hooks import RecurrentModulation
from imc_grapes.grapes.update_count import UpdateCount
from imc_grapes.grapes.update_hooks import modulate_update
from imc_grapes.grapes.used_weights import keep_used_weights
from imc_grapes.layers.attached import modulated_layer, sources_at
from imc_grapes.layers.factor_source import FactorSource
from imc_grapes.layers.first_update import FirstUpdate
from imc_grapes.layers.incoming_weights import incoming_weights, is_analog, is_recurrent
from imc_grapes.layers.weight_layers import choose_layers, consumers, last_layer, refuse_empty
from imc_grapes.transport.base import attached_transport
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
    factors of each layer until its next reading, and of weights that a parametrization computes, the importance of
    those that the last pass used is kept, so that nothing is drawn or iterated once more.

    Unless `layers` names them, the hidden layers take part: those whose error comes through other weights. The first
    update shows which they are: what each weight layer is fed, and what the model returns, is followed back through
    the autograd graph. Several heads, heads defined before their body, and modules passed through twice are told in
    this way; a module that is hidden in one place and output in another is modulated in the former alone. Up to the
    first update, the weight layer registered last is listed as the output, and after it what was found stays.
    A layer that is first trained in a later update is decided then. If the first update trains a layer whose
    hooks never ran, as with ``layer.forward(x)``, a warning names it.

    A copy of the model (`copy.deepcopy`, pickle) is modulated too, from its own weights, by a copy of this object,
    which `Grapes.of` finds. Under ``torch.compile(fullgraph=True)``, do the first update without compiling.

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
        layers: names of the layers that take part, output layers too; by default all hidden layers.
        exclude: names of layers that take no part.
        readout: the circuit that reads the importance off the crossbars: `PerDevice`, `ColumnCurrent`, `Probe` of
            `crossbar`; exact by default. Of weights that are trained in software for arrays, it reads what they would
            be programmed to. A layer is read once per weight update, whatever the number of forward passes.
        factor_bits: word length of the factor in the update path, for [1, 2], or [0, 2] if it is not clipped; None
            for no rounding.
        clip: whether the factors are clipped from below at 1; None for what the authors' code does under the model's
            error transport: yes under backpropagation, no otherwise.

    Raises:
        InputError: no module, an unknown mode or layer name, no layer left to act on, weights that *local* cannot
            scale, a layer that another `Grapes` still acts on, so that its factors would be squared, a readout circuit
            for a layer that lies on no crossbar, an impossible factor_bits, a layer of width 0 or on the meta device.
            In the first passes, the same for the layer registered last, if it is hidden; in *local*, a layer that is
            hidden and output layer at once; and in the first step, no hidden layer.
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
        self._model = model
        self._layers = choose_layers(model, layers, exclude)
        candidates = dict(self._layers)
        self._is_direct = transport is not None and transport.is_direct
        if transport is not None and transport.is_direct:
            _check_direct(mode, readout)
            rule = direct_rule(transport, self._layers)
            self._layers = candidates = rule.layers
        elif layers is None:
            candidates |= last_layer(model, exclude)
        self._candidates = candidates
        refuse_empty(self._layers)
        _refuse_modulated(self._layers)
        _refuse_digital(self._layers, readout)
        if mode == "local":
            refuse_shared(model, self._layers)
        trace_anew()
        self._updates = UpdateCount(candidates)
        self._held: dict[str, _Held] = {}
        self._counted: dict[str, int] = {}
        self._expected = set(self._layers)
        self._hooks: dict[str, ErrorModulation | RecurrentModulation] = {}
        self._batch_norms: list[BatchNormTakesOver] = []
        self._of_layer: dict[str, list[Any]] = {}
        self._watches: dict[str, Any] = {}
        self._refused: dict[str, InputError] = {}
        self._handles: list[Any] = []
        for layer in candidates.values():
            for part in incoming_weights(layer):
                self._handles += [] if is_analog(part) else keep_used_weights(part)
        self._flow = DataFlow(
            model,
            {} if self._is_direct else candidates,
            consumers(model),
            decides=layers is None and not self._is_direct,
            on_hidden=self._found_hidden,
            on_arrival=self._arrived,
        )
        self.first_update = FirstUpdate(
            self._layers,
            "GRAPES did not modulate layer",
            "call the layers themselves, or name these in exclude=",
            None if self._is_direct else self._settle,
        )
        if transport is not None and transport.is_direct:
            self._handles += attach_direct(transport, rule, lambda name: FactorSource(self, name))
            return
        for name, layer in candidates.items():
            self._attach(name, layer)
        if mode != "local":
            self._batch_norms, handles = modulate_after_batch_norm(model)
            self._handles += handles

    @staticmethod
    def of(model: nn.Module) -> "list[Grapes]":
        """Every `Grapes` that acts on layers of `model`, and so the way to `detach` one that nobody holds.

        A copy of a model has copies of them, which act on the copy alone.

        Raises:
            InputError: `model` is no module.
        """
        found = {
            id(source.grapes): source.grapes
            for module in uncompiled(model).modules()
            for source in sources_at(module)
        }
        return list(found.values())

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers that take part, by name, as far as the passes up to now have shown."""
        return dict(self._layers)

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
        self._flow.detach()
        self.first_update.stop()
        for handles in (self._handles, *self._of_layer.values()):
            for handle in handles:
                handle.remove()
            handles.clear()
        trace_anew()

    def is_decided(self, name: str) -> bool:
        """Whether an update has shown whether the layer called `name` is hidden."""
        return name not in self._flow.undecided

    def is_hidden(self, name: str) -> bool:
        """Whether the update of the layer called `name` is to be scaled in the mode *local*.

        Raises:
            InputError: the layer is hidden and output layer at once, or shares its weights with an output layer.
        """
        self._arrived(name)
        if self.is_decided(name):
            return name in self._layers
        ended = self._flow.ended
        refuse_shared(
            self._model, {at: one for at, one in self._candidates.items() if at not in ended}
        )
        return self._flow.is_hidden(name)

    def _attach(self, name: str, layer: nn.Module) -> None:
        source = FactorSource(self, name)
        handles = self._of_layer[name] = []
        if self.mode == "local":
            watch = layer.register_forward_hook(Watch(self._flow, name))
            self._watches[name] = watch
            handles.append(watch)
            try:
                handles += modulate_update(name, layer, source)
            except InputError as error:
                if name in self._layers:
                    self.detach()
                    raise
                self._refused[name] = error
        elif is_recurrent(layer):
            recurrent = self._hooks[name] = RecurrentModulation(source, self._flow)
            handles += recurrent.attach(layer)
        else:
            hook = self._hooks[name] = ErrorModulation(source, self._flow)
            handles.append(layer.register_forward_hook(hook))

    def _arrived(self, name: str) -> None:
        self.first_update.ran(name)

    def _found_hidden(self, name: str) -> None:
        """A layer that was taken for the output is hidden."""
        if name in self._layers:
            return
        layer = {name: self._candidates[name]}
        if name in self._refused:
            raise self._refused[name]
        refuse_empty(layer)
        _refuse_modulated(layer)
        _refuse_digital(layer, self.readout)
        self._list({*self._layers, name})

    def _list(self, names: set[str]) -> None:
        self._layers = {at: one for at, one in self._candidates.items() if at in names}

    def _settle(self) -> bool:
        """Before an optimizer's step: stop watching the layers that are known now. Whether any is left."""
        for name in self._candidates.keys() - self._expected if self._flow.ended else ():
            # Registered last, and an output layer is found: had it run, it would be known whether it is hidden.
            self._expected.add(name)
            if name not in self._flow.arrived_at:
                self.first_update.expect(name, self._candidates[name])
        hidden, output = self._flow.settle()
        for name in hidden:
            if name in self._hooks:
                self._hooks[name].settle()
            if name in self._watches:
                self._watches.pop(name).remove()
        for name in output:
            for handle in self._of_layer.pop(name):
                handle.remove()
        self._list({*self._layers} - {*output})
        if not self._flow.undecided:
            for batch_norm in self._batch_norms:
                batch_norm.settle()
        if hidden or output:
            trace_anew()
        if not self._layers:
            raise InputError(
                "GRAPES has no layer to act on: the error of no weight layer comes through another one's weights; say "
                "with layers= which take part"
            )
        return bool(self._flow.undecided)


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
        if not all(is_analog(part) or is_array_layer(part) for part in incoming_weights(layer)):
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


def quantised(factors: Tensor, bits: int, low: float = 1.0) -> Tensor:
    """Factors rounded to the nearest of the ``2^bits`` levels that divide [low, 2] evenly, both ends among them.

    Args:
        factors: any shape, each in [low, 2].
        bits: 1 or more.
        low: 1, or 0 for factors that are not clipped.
    """
    steps = ((1 << bits) - 1) / (2.0 - low)
    return torch.round((factors - low) * steps) / steps + low


def refuse_shared(model: nn.Module, layers: dict[str, nn.Module]) -> None:
    """Refuse to scale the gradient of weights that a layer shares with one that is not in `layers`.

    Raises:
        InputError: it names both.
    """
    parts = {id(part) for layer in layers.values() for part in incoming_weights(layer)}
    owners = {
        id(parameter): name
        for name, module in model.named_modules()
        if id(module) not in parts
        for parameter in module.parameters(recurse=False)
    }
    for name, layer in layers.items():
        for part in incoming_weights(layer):
            for parameter in part.parameters(recurse=False):
                if id(parameter) in owners:
                    raise InputError(
                        f"layer '{name}': shares its weights with '{owners[id(parameter)]}', which takes no part, and "
                        "mode 'local' scales the gradient that both add to; use mode 'propagating', let both take "
                        "part, or name the layer in exclude="
                    )
