"""Which layers the output of a model comes from straight, found in the autograd graph of its first passes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.autograd import Function

from imc_grapes.layers.incoming_weights import is_recurrent
from kernels.errors import InputError

_KEY = "imc_grapes.uses"
_REENTERED = "imc_grapes.consumed"
_PRODUCTS = ("Addmm", "Mm", "Bmm", "Baddbmm", "Addbmm", "Mv", "Addmv", "Convolution", "Linear")


class Use:
    """One pass through a layer.

    Args:
        name: of the layer.
        flow: that watches the layer.
    """

    def __init__(self, name: str, flow: "DataFlow") -> None:
        self.name = name
        self.is_consumed = False
        """Whether another weight layer is known to be fed by what it put out."""
        self._flow = flow

    def arrived(self) -> bool:
        """The error of this pass has arrived. Whether it is to be modulated."""
        return self._flow.arrived(self)

    def note(self, error: Tensor) -> None:
        """Hook of the output, for layers whose error is left as it is."""
        self._flow.arrived(self)


class DataFlow:
    """Watches the layers of a model until an update has shown which of them are hidden.

    A pass through a watched layer leaves a mark at the node of the autograd graph that its output comes from. What a
    weight layer is fed with is followed back to such marks, and so is what the model returns, through products with
    parameters that lie in no layer (`F.linear` with a weight of somebody else). The passes that are found there are
    hidden: their errors come through other weights. A pass whose error arrives without having been found is one of
    the output. What a recurrent layer hands itself over time does not count.

    Args:
        model: the module that GRAPES is attached to; what lies behind it is not seen.
        layers: the layers to watch, by name.
        consumers: every module with weights that may be fed by them, by name.
        decides: whether the flow decides what is hidden; if not, all of `layers` are.
        on_hidden: told the name of a layer when it is first found hidden.
        on_arrival: told the name of a layer when its error has arrived.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: dict[str, nn.Module],
        consumers: dict[str, nn.Module],
        decides: bool,
        on_hidden: Callable[[str], None],
        on_arrival: Callable[[str], None],
    ) -> None:
        self._consumers = consumers if decides else {}
        self._decides = decides
        self._on_hidden = on_hidden
        self._on_arrival = on_arrival
        self._over_time = {name for name, layer in layers.items() if is_recurrent(layer)}
        self.undecided = set(layers)
        self.consumed: set[str] = set()
        self.ended: set[str] = set()
        """Layers that an error has reached without passing other weights."""
        self.arrived_at: set[str] = set()
        self._handles: list[Any] = []
        self._at_return: list[Any] = []
        if decides:
            self._at_return.append(model.register_forward_hook(self._returned))
            self._follow_inputs()

    def use_of(self, name: str, output: Tensor) -> Use:
        """The pass through the layer called `name` that gave `output`, which must be no view; it leaves its mark."""
        if self._decides:
            self._follow_inputs()
        use = Use(name, self)
        if self._decides and _inside_consumed_checkpoint(self):
            self._consume(use)
        node: Any = output.grad_fn
        if node is None:
            return use
        node.metadata.setdefault(_KEY, {})[self, output.output_nr] = use
        return use

    def arrived(self, use: Use) -> bool:
        """The error of `use` has arrived. Whether the layer is hidden there."""
        self._on_arrival(use.name)
        self.arrived_at.add(use.name)
        if not self._decides:
            return True
        is_hidden = use.is_consumed or (use.name in self._over_time and use.name in self.consumed)
        if not is_hidden:
            self.ended.add(use.name)
        return is_hidden

    def is_hidden(self, name: str) -> bool:
        """Whether the layer called `name` is hidden in every pass whose error has arrived.

        Raises:
            InputError: in some it is and in others not.
        """
        if not self._decides:
            return True
        if self._is_both(name):
            raise InputError(
                f"layer '{name}' is hidden and output layer at once, and mode 'local' scales the one gradient that "
                "both add to; say with layers= which take part"
            )
        return name in self.consumed

    def settle(self) -> tuple[list[str], list[str]]:
        """Decide what the passes up to now have shown: the names of hidden layers, and of output layers.

        A layer that is both, being passed through twice, stays watched, and so does one that no error has reached.
        """
        seen = [name for name in self.undecided & self.arrived_at if not self._is_both(name)]
        hidden = [name for name in seen if not self._decides or name in self.consumed]
        output = [name for name in seen if name not in hidden]
        self.undecided -= set(seen)
        self._remove(self._handles)
        if not self.undecided:
            self._remove(self._at_return)
        return hidden, output

    def detach(self) -> None:
        """Take away every hook."""
        self._remove(self._handles)
        self._remove(self._at_return)

    def follow(self, values: Any, *, is_behind: bool, by: str | None = None) -> None:
        """Follow `values`, a nest of tensors, back to passes through watched layers, which are found hidden.

        Args:
            values: what a weight layer is fed with, or what the model returns.
            is_behind: whether it is the former.
            by: the layer whose own passes do not count.
        """
        waiting: list[tuple[Any, int, bool]] = [
            (tensor.grad_fn, tensor.output_nr, is_behind) for tensor in tensors_in(values)
        ]
        seen = set()
        while waiting:
            node, index, behind = waiting.pop()
            if node is None:
                continue
            use: Use | None = node.metadata.get(_KEY, {}).get((self, index))
            if use is not None:
                if behind and use.name != by:
                    self._consume(use)
                continue
            if (node, behind) in seen:
                continue
            seen.add((node, behind))
            if behind:
                if "Checkpoint" in node.name():
                    node.metadata[_REENTERED, self] = True
            else:
                behind = self._is_product_with_weights(node)
            waiting += [(below, at, behind) for below, at in node.next_functions]

    def _consume(self, use: Use) -> None:
        use.is_consumed = True
        if use.name not in self.consumed:
            self.consumed.add(use.name)
            self._on_hidden(use.name)

    def _is_both(self, name: str) -> bool:
        return name in self.ended and name in self.consumed and name not in self._over_time

    def _is_product_with_weights(self, node: Any) -> bool:
        if hasattr(node, "analog_tile"):
            return True
        if not node.name().startswith(_PRODUCTS):
            return False
        return any(self._are_weights(below) for below, _ in node.next_functions)

    def _are_weights(self, start: Any) -> bool:
        """Whether an operand comes from parameters alone, one of them a matrix at least."""
        waiting, seen, found = [start], set(), False
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if any(flow is self for flow, _ in node.metadata.get(_KEY, {})):
                return False
            leaf = getattr(node, "variable", None)
            found = found or (leaf is not None and leaf.dim() > 1)
            waiting += [below for below, _ in node.next_functions]
        return found

    def _follow_inputs(self) -> None:
        if not self._handles:
            self._handles += [
                # First of all: an error transport cuts the input off from what it came from.
                module.register_forward_pre_hook(
                    _Consumer(self, name, is_recurrent(module)), prepend=True, with_kwargs=True
                )
                for name, module in self._consumers.items()
            ]

    @_disable_dynamo
    def _returned(self, model: nn.Module, args: Any, result: Any) -> None:
        if torch.is_grad_enabled():
            self.follow(result, is_behind=False)

    @staticmethod
    def _remove(handles: list[Any]) -> None:
        for handle in handles:
            handle.remove()
        handles.clear()


class _Consumer:
    """Forward pre-hook of a module with weights: what it is fed with comes from hidden layers."""

    def __init__(self, flow: DataFlow, name: str, is_over_time: bool) -> None:
        self._flow = flow
        self._name = name
        self._is_over_time = is_over_time

    @_disable_dynamo
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not torch.is_grad_enabled():
            return
        self._flow.follow(args[:1], is_behind=True)
        # Behind the input comes the state of a recurrent layer.
        own = self._name if self._is_over_time else None
        self._flow.follow((args[1:], kwargs), is_behind=True, by=own)


class Watch:
    """Forward hook of a layer whose error is left as it is on its way upstream: lets the flow see its passes."""

    def __init__(self, flow: DataFlow, name: str) -> None:
        self._flow = flow
        self._name = name

    @_disable_dynamo
    def __call__(self, layer: nn.Module, args: Any, result: Any) -> Any:
        """Mark what the layer puts out."""
        return map_tensors(self._watched, result)

    def _watched(self, tensor: Tensor) -> Tensor:
        if not tensor.requires_grad:
            return tensor
        tensor = no_view(tensor)
        tensor.register_hook(self._flow.use_of(self._name, tensor).note)
        return tensor


def no_view(tensor: Tensor) -> Tensor:
    """`tensor`, or the same memory under a node of its own if it is a view.

    An activation in place puts another node in the place of a view's, and with that the hooks of the view are lost.
    """
    if torch.compiler.is_compiling() or not tensor._is_view():
        return tensor
    owned: Tensor = _NoView.apply(tensor)  # type: ignore[no-untyped-call]
    return owned


class _NoView(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return tensor.detach()

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> Any:
        return errors[0]


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in a nest of tuples, lists, dictionaries and objects of plain attributes."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors_of(value.values())
    elif isinstance(value, tuple | list):
        yield from _tensors_of(value)
    elif hasattr(value, "__dict__") and not isinstance(value, nn.Module | type):
        yield from (one for one in vars(value).values() if isinstance(one, Tensor))


def _tensors_of(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        yield from tensors_in(value)


def map_tensors(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value`, a nest of tuples and lists, with `function` applied to every tensor in it."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple) and hasattr(value, "batch_sizes"):
        # A packed sequence: its other tensors are indices.
        return value._replace(data=function(value.data))  # type: ignore[attr-defined]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(function, part) for part in value))
    if isinstance(value, tuple | list):
        return type(value)(map_tensors(function, part) for part in value)
    return value


def _inside_consumed_checkpoint(flow: DataFlow) -> bool:
    """Whether this pass is repeated in a backward pass, by a checkpoint whose result went into a weight layer."""
    node: Any = torch._C._current_autograd_node()
    return node is not None and bool(node.metadata.get((_REENTERED, flow)))
