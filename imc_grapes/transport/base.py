"""Cut the path that the error takes upstream through a layer's weights, and put another one in its place."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function

from imc_grapes.layers.attached import modulated_layer
from imc_grapes.layers.first_update import FirstUpdate
from imc_grapes.transport.feedback import FeedbackWeights
from kernels.errors import InputError

Send = Callable[[Tensor], Tensor]
"""From the error at a layer's output to the error at its input."""
FactorSource = Callable[[], Tensor]


class ErrorTransport(ABC):
    """What sends the errors upstream through fixed random feedback weights instead of the forward weights.

    Every weight layer is handed its input cut off from the graph, so that its own backward product is not computed
    (aihwkit computes it all the same, and it is thrown away); its output is joined again to the layers upstream by a
    node that carries the error past it. Everything between weight layers (activations, pooling, normalisation,
    dropout, sums) sends errors as always. The forward pass keeps its bits, and the model its state dict: the feedback
    weights come from the seed again.

    The feedback products are exact, in the type of the error: on hardware they stand for arrays of their own, without
    converters and noise.
    """

    is_direct: ClassVar[bool]
    """Whether hidden layers receive the error of the output straight, so that none travels from layer to layer."""

    def __init__(self, layers: dict[str, nn.Module], seed: int) -> None:
        self._layers = layers
        self._weights = FeedbackWeights(seed)
        self._scales: dict[str, FactorSource] = {}
        self._handles: list[Any] = []
        self.first_update = FirstUpdate(
            layers,
            f"{type(self).__name__} did not send the error past layer",
            "call the layers themselves: in these, backpropagation trained",
        )
        for name, layer in layers.items():
            carrier = _Carrier(self, name)
            self._handles.append(layer.register_forward_pre_hook(carrier.cut))
            # First of all, so that a modulation of the output acts on what is sent upstream too.
            self._handles.append(layer.register_forward_hook(carrier.join, prepend=True))

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The weight layers by name, the output layer last."""
        return dict(self._layers)

    @property
    def seed(self) -> int:
        """Of the feedback weights."""
        return self._weights.seed

    def feedback(self) -> dict[str, Tensor]:
        """The feedback weights that training has needed so far, by the name of the layer that sends, in their order."""
        drawn = self._weights.drawn()
        return {name: drawn[name] for name in self._layers if name in drawn}

    def n_feedback_weights(self) -> int:
        """How many there are."""
        return sum(weights.numel() for weights in self.feedback().values())

    def scale_sent(self, name: str, factors: FactorSource) -> "_Scaling":
        """Multiply what the layer called `name` sends by ``[n_in]`` factors, read in each forward pass.

        Returns:
            A handle, whose `remove()` ends it.
        """
        self._scales[name] = factors
        return _Scaling(self._scales, name)

    def detach(self) -> None:
        """Leave the model to backpropagation; calling it again does nothing.

        Raises:
            InputError: a `Grapes` still acts on the model by the rule for this transport.
        """
        found = modulated_layer(self._layers) if self._handles else None
        if found is not None:
            raise InputError(
                f"layer '{found}': a Grapes still acts on it by the rule for {type(self).__name__}; "
                "call its detach() first"
            )
        self.first_update.stop()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def began(self, name: str) -> None:
        """A pass through the layer called `name` begins."""
        self.first_update.ran(name)

    @abstractmethod
    def sender(self, name: str, layer: nn.Module, x: Tensor, output: Tensor) -> Send:
        """What carries an error past the layer, for a forward pass from `x` to `output`."""

    def send_scaled(self, name: str, layer: nn.Module, x: Tensor, output: Tensor) -> Send:
        """The sender, with the factors that `scale_sent` asked for."""
        send = self.sender(name, layer, x, output)
        source = self._scales.get(name)
        if source is None:
            return send
        factors = source()
        axis_shape = (-1,) if is_linear(layer) else (-1, *[1] * (x.dim() - 2))

        def scaled(error: Tensor) -> Tensor:
            sent = send(error)
            return sent * factors.to(sent).view(axis_shape)

        return scaled


def attached_transport(model: nn.Module) -> ErrorTransport | None:
    """The transport that acts on a layer of `model`; None for backpropagation."""
    for module in model.modules():
        for hook in module._forward_hooks.values():
            carrier = getattr(hook, "__self__", None)
            if isinstance(carrier, _Carrier):
                return carrier.transport
    return None


def is_linear(layer: nn.Module) -> bool:
    """Whether the inputs of a weight layer lie along the last axis, and not along that of the channels."""
    return not hasattr(layer, "kernel_size")


class _Scaling:
    def __init__(self, scales: dict[str, FactorSource], name: str) -> None:
        self._scales = scales
        self._name = name

    def remove(self) -> None:
        self._scales.pop(self._name, None)


class _Carrier:
    """The two hooks of one layer; a class rather than closures so that a hooked model can be copied and pickled."""

    def __init__(self, transport: ErrorTransport, name: str) -> None:
        self.transport = transport
        self._name = name
        self._x: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_x": None}

    def cut(self, layer: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Forward pre-hook: keep the input, and hand the layer a copy without history."""
        if not args:
            raise InputError(f"layer '{self._name}': its input must be a positional argument")
        self.transport.began(self._name)
        x: Tensor = args[0]
        needs_error = torch.is_grad_enabled() and x.requires_grad
        self._x = x if needs_error else None
        return (x.detach(), *args[1:]) if needs_error else None

    def join(self, layer: nn.Module, args: Any, output: Tensor) -> Tensor | None:
        """Forward hook: lead the error past the layer."""
        x, self._x = self._x, None
        if x is None or not output.requires_grad:
            return None
        joined: Tensor = _Join.apply(  # type: ignore[no-untyped-call]
            x, output, self.transport.send_scaled(self._name, layer, x, output)
        )
        return joined


class _Join(Function):
    """Identity of the output; the error goes to the layer as it is, and upstream as the transport sends it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor, send: Send) -> Tensor:
        ctx.send = send
        ctx.edges_into_layer = slice(1, 2)
        # A view would forbid activations in place.
        return output.clone()

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor | None, Tensor, None]:
        sent = ctx.send(error) if ctx.needs_input_grad[0] else None
        return sent, error, None
