"""Direct feedback alignment: from the network's output straight to every hidden layer, through random matrices."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imc_grapes.transport.base import ErrorTransport, Send
from imc_grapes.transport.supported import layers_for
from kernels.errors import InputError


class DirectFeedbackAlignment(ErrorTransport):
    """Attach direct feedback alignment to a model; the training loop and the optimizer stay as they are.

    What reaches the output of hidden layer l behind its activation is ``B_l e``: e is the error at the output of the
    last weight layer (dL/dlogits) and B_l a fixed random matrix ``[n_l, n_outputs]`` (Nøkland, NIPS 2016). In code,
    each weight layer sends ``B e``, in the shape of its input, in place of ``W^T delta``; so the layers before it get
    it through pooling, activation and normalisation, as in backpropagation, and dropout masks it, as in the authors'
    code. Where the outputs of several layers are added, as at the end of a residual block, each path brings its own.

    Attach it before `Grapes`, which then follows the rule of its authors for it (see there).

    Args:
        model: any module with fully connected and convolutional layers, digital or analog, on whatever tiles. Its last
            weight layer, in the order of registration, is the output: ``[batch, n_outputs]``.
        seed: of the feedback weights.

    Raises:
        InputError: see `layers_for`; in a forward pass, an output that is no ``[batch, n_outputs]``, or an output
            layer that runs twice; in a backward pass, a layer that lies behind the output layer.
    """

    is_direct: ClassVar[bool] = True

    def __init__(self, model: nn.Module, seed: int = 0) -> None:
        layers = layers_for("direct feedback alignment", model)
        super().__init__(layers, seed)
        self._output = list(layers)[-1]
        self._pass = _Pass()
        self._is_ordered = False
        self._handles.append(model.register_forward_pre_hook(self._begin))

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_pass": _Pass()}

    def require_order(self) -> "_Ordered":
        """Refuse passes in which the layers do not run in the order of their registration; the handle ends it."""
        self._is_ordered = True
        return _Ordered(self)

    def began(self, name: str) -> None:
        """A pass through the layer called `name` begins.

        Raises:
            InputError: it is out of order, where that is required.
        """
        super().began(name)
        ran = self._pass.ran
        ran.setdefault(name)
        wanted = [layer for layer in self._layers if layer in ran]
        if self._is_ordered and torch.is_grad_enabled() and list(ran) != wanted:
            raise InputError(
                f"GRAPES under direct feedback alignment: the layers ran in the order {', '.join(ran)}, and the rule "
                f"takes them in that of registration, {', '.join(wanted)}; register them as they run"
            )

    def sender(self, name: str, layer: nn.Module, x: Tensor, output: Tensor) -> Send:
        """The product of a random matrix with the error at the network's output."""
        this_pass = self._pass
        if name == self._output:
            if output.dim() != 2:
                raise InputError(
                    f"direct feedback alignment: the output of the last weight layer '{name}' must be "
                    f"[batch, n_outputs] (got {list(output.shape)})"
                )
            if this_pass.n_outputs is not None:
                raise InputError(
                    f"direct feedback alignment: the last weight layer '{name}' ran twice in one forward pass, so "
                    "there is no one error of the output (the model itself must be called, not its layers)"
                )
            this_pass.n_outputs = output.shape[1]
        return _FromOutput(self, name, this_pass, x, is_output=name == self._output)

    def product(self, name: str, error: Tensor, x_shape: tuple[int, ...]) -> Tensor:
        """``B e`` in the shape of the layer's input, for an error ``[batch, n_outputs]`` of the network."""
        inputs = x_shape[1:]
        n = 1
        for size in inputs:
            n *= size
        feedback = self._weights.of(name, (n, error.shape[1]), n, like=error)
        return (error @ feedback.T).view(x_shape)

    def _begin(self, model: nn.Module, args: Any) -> None:
        self._pass = _Pass()


class _Pass:
    """One forward pass of the model, and the error at its output once that is known."""

    def __init__(self) -> None:
        self.n_outputs: int | None = None
        self.error: Tensor | None = None
        self.ran: dict[str, None] = {}
        """Names of layers, in the order in which they first ran."""


class _Ordered:
    def __init__(self, transport: DirectFeedbackAlignment) -> None:
        self._transport = transport

    def remove(self) -> None:
        self._transport._is_ordered = False


class _FromOutput:
    def __init__(
        self,
        transport: DirectFeedbackAlignment,
        name: str,
        this_pass: _Pass,
        x: Tensor,
        *,
        is_output: bool,
    ) -> None:
        self._transport = transport
        self._name = name
        self._pass = this_pass
        self._x_shape = tuple(x.shape)
        self._is_output = is_output

    def __call__(self, error: Tensor) -> Tensor:
        if self._is_output:
            self._pass.error = error
        at_output = self._pass.error
        if at_output is None:
            raise InputError(
                f"direct feedback alignment: layer '{self._name}' does not lie before the last weight layer, "
                "so it has no error of the output; register the output layer last"
            )
        if len(at_output) != self._x_shape[0]:
            raise InputError(
                f"direct feedback alignment: layer '{self._name}' sees {self._x_shape[0]} samples and the output "
                f"{len(at_output)}; the first axis must be the batch in both"
            )
        return self._transport.product(self._name, at_output, self._x_shape)
