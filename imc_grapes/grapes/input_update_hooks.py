"""Scale a layer's own update input by input: the part of the rule for direct feedback alignment that is in the update.

The counterpart of `update_hooks`, which scales it node by node. Biases have no input and are left alone.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.utils.hooks import RemovableHandle

from crossbar.placement import placed_tiles
from imc_grapes.grapes.node_axis import along
from imc_grapes.grapes.update_hooks import tile_nodes, with_weight_gradient_scaled
from imc_grapes.layers.factor_source import FactorSource
from imc_grapes.layers.incoming_weights import computed, is_analog
from kernels.errors import InputError


def modulate_inputs(name: str, layer: nn.Module, factors: FactorSource) -> list[Any]:
    """Scale the coming updates of `layer` input by input; the handles returned undo it.

    Args:
        name: of the layer, for the error.
        layer: fully connected or convolutional, digital or analog.
        factors: ``[n_in]``, of a convolution ``[in_channels]``.

    Raises:
        InputError: the weights of the layer are computed from other parameters, or its channels are in groups.
    """
    if getattr(layer, "groups", 1) != 1:
        raise InputError(
            f"layer '{name}': GRAPES under direct feedback alignment has no rule for channels in groups (groups is "
            f"{layer.groups}); name it in exclude="
        )
    if not is_analog(layer) and computed(layer) is not None:
        raise InputError(
            f"layer '{name}': its weight is computed from other parameters (a parametrization, a pruning mask), so "
            "there is no weight gradient to scale; name it in exclude="
        )
    scaling = InputScaling(factors)
    return [layer.register_forward_hook(scaling), scaling]


class InputScaling:
    """Forward hook of a layer: sees to it that what the layer will be updated with is scaled."""

    def __init__(self, factors: FactorSource) -> None:
        self.factors = factors
        self._now: Tensor | None = None
        self._handles: list[RemovableHandle] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_now": None, "_handles": []}

    def __call__(self, layer: nn.Module, args: Any, output: Tensor) -> None:
        """Read the factors, from the weights that the coming update will change."""
        if not output.requires_grad:
            return
        factors = self.factors()
        self.factors.ran()
        if not is_analog(layer):
            self._now = factors
            self._attach(layer.weight)  # type: ignore[arg-type]
            return
        rows = {id(placed.tile): placed.rows for placed in placed_tiles(layer)}
        per_row = factors.repeat_interleave(layer.analog_module.in_size // len(factors))  # type: ignore[operator, union-attr]
        for node in tile_nodes(output.grad_fn):
            tile_rows = per_row[rows[id(node.analog_tile)]]
            node.register_hook(_scale_tile_inputs(node, tile_rows, factors))
        for placed in placed_tiles(layer):
            weight = getattr(placed.tile.tile, "weight", None)
            if isinstance(weight, Parameter):
                self._now = per_row
                self._attach(weight, placed.rows)

    def remove(self) -> None:
        """Leave the parameters as they were before."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def scaled(self, gradient: Tensor, rows: slice) -> Tensor:
        """`gradient` ``[n_out, n_in, ...]``, times the factors of its inputs."""
        assert self._now is not None
        return gradient * along(self._now[rows], gradient, 1)

    def _attach(self, weight: Parameter, rows: slice = slice(None)) -> None:
        """A parameter's hooks are lost when it is copied or replaced; so this is asked for in every forward pass."""
        hooks = (getattr(weight, "_backward_hooks", None) or {}).values()
        if weight.requires_grad and not any(
            isinstance(hook, _InputScalingHook) and hook.scaling is self for hook in hooks
        ):
            self._handles.append(weight.register_hook(_InputScalingHook(self, rows)))


class _InputScalingHook:
    def __init__(self, scaling: InputScaling, rows: slice) -> None:
        self.scaling = scaling
        self._rows = rows

    def __call__(self, gradient: Tensor) -> Tensor:
        return self.scaling.scaled(gradient, self._rows)


def _scale_tile_inputs(node: Any, of_rows: Tensor, of_inputs: Tensor) -> Callable[..., Any]:
    def after_backward(
        to_inputs: tuple[Tensor | None, ...], from_outputs: tuple[Tensor, ...]
    ) -> tuple[Tensor | None, ...] | None:
        context = node.analog_ctx
        if not getattr(
            node, "leaves_errors", True
        ):  # the pass asked for other gradients than the weights'
            return None
        if context.use_torch_update:
            return with_weight_gradient_scaled(
                context, to_inputs, 1, lambda size: _with_bias(of_rows, size)
            )
        kept = context.analog_input
        axis, factors = (1, of_inputs) if context.use_indexed else (kept[-1].dim() - 1, of_rows)
        kept[-1] = kept[-1] * along(factors.to(kept[-1].device), kept[-1], axis)
        return None

    return after_backward


def _with_bias(factors: Tensor, size: int) -> Tensor:
    """A bias that lies on the array is a last row, whose input is always 1."""
    return torch.cat([factors, factors.new_ones(size - len(factors))])
