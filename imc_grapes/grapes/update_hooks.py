"""Modulate a layer's own update and nothing else: the local version of GRAPES.

A digital layer's gradient is scaled row by row as it arrives at the weights. A tile that updates its devices in place
has no gradient of a weight: there, the error that aihwkit keeps for the update is scaled after the plain error has
gone upstream.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.nn import Parameter
from torch.utils.hooks import RemovableHandle

from crossbar.placement import placed_tiles
from imc_grapes.grapes.node_axis import along
from imc_grapes.layers.factor_source import FactorSource
from imc_grapes.layers.incoming_weights import (
    computed,
    gates,
    hidden_size,
    incoming_weights,
    is_analog,
    is_recurrent,
)
from kernels.errors import InputError


def modulate_update(name: str, layer: nn.Module, factors: FactorSource) -> list[Any]:
    """Scale the coming updates of `layer` node by node; the handles returned undo it.

    Raises:
        InputError: the weights of the layer, called `name`, are computed from other parameters.
    """
    parts = incoming_weights(layer)
    for part in parts:
        what = None if is_analog(part) else computed(part, biases=True)
        if what is not None:
            raise InputError(
                f"layer '{name}': its {what} is computed from other parameters (a parametrization, a pruning mask), so "
                f"mode 'local' has no {what} gradient to scale; use mode 'propagating', or name the layer in exclude="
            )
    scaling = RowScaling(factors, gates(layer))
    handles: list[Any] = [layer.register_forward_pre_hook(scaling.attach), scaling]
    handles += [
        part.register_forward_hook(_TileUpdateModulation(scaling))
        for part in parts
        if is_analog(part)
    ]
    return handles


class RowScaling:
    """Scales each node's row in the gradients of a layer's parameters.

    A parameter's hooks are lost when it is copied, pickled or replaced (`load_state_dict(assign=True)`), a module's
    are not; so a hook of the module sees to it, at every forward pass, that the parameters have theirs.
    """

    def __init__(self, factors: FactorSource, gates: int) -> None:
        self.factors = factors
        self._gates = gates
        self._handles: list[RemovableHandle] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_handles": []}

    @_disable_dynamo
    def attach(self, layer: nn.Module, args: Any) -> None:
        """Forward pre-hook: hook every parameter that is to be trained and is not hooked yet.

        Never traced by torch.compile, which would not see the hooks of the passes before. The public
        `torch.compiler.disable` would import the compiler with this module, not when a network is first run.
        """
        for parameter, columns in _node_parameters(layer):
            if parameter.requires_grad and not _is_hooked(parameter):
                hook = _RowScalingHook(self, columns)
                self._handles.append(parameter.register_hook(hook))

    def remove(self) -> None:
        """Leave the parameters as they were before."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def rows_scaled(self, gradient: Tensor, columns: slice) -> Tensor:
        """`gradient` ``[n_out, ...]``, each row times the factor of its node; plain if the layer is not hidden."""
        if not self.factors.is_hidden():
            return gradient
        return gradient * along(self.per_row()[columns], gradient, 0)

    def per_row(self) -> Tensor:
        """The factors of the nodes for each row of the weights: gate after gate, each has a row per node."""
        return self.factors().repeat(self._gates)


def _is_hooked(parameter: Parameter) -> bool:
    """Whether its gradient is scaled already: by this layer, or by another that shares it."""
    hooks = getattr(parameter, "_backward_hooks", None) or {}
    return any(isinstance(hook, _RowScalingHook) for hook in hooks.values())


class _RowScalingHook:
    """Hook of one parameter, for the nodes in `columns`."""

    def __init__(self, scaling: RowScaling, columns: slice) -> None:
        self._scaling = scaling
        self._columns = columns

    def __call__(self, gradient: Tensor) -> Tensor:
        return self._scaling.rows_scaled(gradient, self._columns)


def _node_parameters(layer: nn.Module) -> Iterator[tuple[Parameter, slice]]:
    """The parameters of `layer` with one row per node, or per gate of a node, and the rows they hold."""
    everything = slice(None)
    parts = incoming_weights(layer)
    if is_recurrent(layer):
        rows = gates(layer) * hidden_size(layer)
        own = layer.parameters(recurse=False)
        yield from ((p, everything) for p in own if p.shape[0] == rows)
        for part in parts:
            if part is not layer:
                yield from _node_parameters(part)
        return
    if not is_analog(layer):
        parameters = [layer.weight, layer.bias]
        yield from ((p, everything) for p in parameters if isinstance(p, Parameter))
        return
    array_bias = getattr(layer.analog_module, "bias", None)
    seen = set()
    if isinstance(array_bias, Parameter):
        seen.add(id(array_bias))
        yield array_bias, everything
    for placed in placed_tiles(layer):
        torch_weight = getattr(placed.tile.tile, "weight", None)
        scales = placed.tile.out_scaling_alpha
        for parameter in (placed.tile.bias, torch_weight, scales):
            if isinstance(parameter, Parameter) and id(parameter) not in seen and parameter.dim():
                seen.add(id(parameter))
                yield parameter, placed.columns


class _TileUpdateModulation:
    """Forward hook of an analog layer: find its tiles in the graph and scale what each will be updated with."""

    def __init__(self, scaling: RowScaling) -> None:
        self._scaling = scaling

    def __call__(self, layer: nn.Module, args: Any, output: Tensor) -> None:
        if not output.requires_grad:
            return
        columns = {id(placed.tile): placed.columns for placed in placed_tiles(layer)}
        is_decided = self._scaling.factors.is_decided
        per_row = self._scaling.per_row() if is_decided else None
        for node in tile_nodes(output.grad_fn):
            of_tile = columns[id(node.analog_tile)]
            node.register_hook(_scale_tile_update(node, self._scaling, per_row, of_tile))


def tile_nodes(start: Any) -> Iterator[Any]:
    """The nodes of the autograd graph below `start` that are forward passes through a tile."""
    waiting = [start]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "analog_tile"):
            yield node
        else:
            # Where an error transport joins a layer to those upstream, only one edge leads into the layer.
            edges = getattr(node, "edges_into_layer", slice(None))
            waiting += [below for below, _ in node.next_functions[edges]]


def _scale_tile_update(
    node: Any, scaling: RowScaling, per_row: Tensor | None, columns: slice
) -> Callable[..., Any]:
    """Without `per_row`, the factors are read when the error arrives, if the layer is hidden."""

    def after_backward(
        to_inputs: tuple[Tensor | None, ...], from_outputs: tuple[Tensor, ...]
    ) -> tuple[Tensor | None, ...] | None:
        if per_row is None and not scaling.factors.is_hidden():
            return None
        factors = (scaling.per_row() if per_row is None else per_row)[columns]
        context = node.analog_ctx
        if not getattr(
            node, "leaves_errors", True
        ):  # the pass asked for other gradients than the weights'
            return None
        if context.use_torch_update:
            return with_weight_gradient_scaled(context, to_inputs, 0, lambda size: factors)
        kept = context.analog_grad_output
        axis = 1 if context.use_indexed else kept[-1].dim() - 1
        kept[-1] = kept[-1] * along(factors.to(kept[-1].device), kept[-1], axis)
        return None

    return after_backward


def with_weight_gradient_scaled(
    context: Any,
    gradients: tuple[Tensor | None, ...],
    axis: int,
    factors: Callable[[int], Tensor],
) -> tuple[Tensor | None, ...]:
    """What a tile hands back, its weight gradient ``[n_out, n_in]`` scaled along `axis`.

    Args:
        context: of the tile's forward pass.
        gradients: what it hands back; aihwkit keeps the weights of a CUDA tile transposed.
        axis: 0 for outputs, 1 for inputs.
        factors: as many as it is asked for.
    """
    scaled = list(gradients)
    position = _position_of_weight_gradient(gradients, context.analog_tile.shared_weights)
    gradient = scaled[position]
    assert gradient is not None
    there = 1 - axis if gradient.is_cuda else axis
    scaled[position] = gradient * along(factors(gradient.shape[there]), gradient, there)
    return tuple(scaled)


def _position_of_weight_gradient(gradients: tuple[Tensor | None, ...], weights: Tensor) -> int:
    """aihwkit hands the weight gradient back last among those that are not None."""
    given = [index for index, gradient in enumerate(gradients) if gradient is not None]
    position = given[-1]
    found = gradients[position]
    if found is None or found.shape != weights.shape:
        raise RuntimeError("aihwkit's tile returned no gradient of its weights")
    return position
