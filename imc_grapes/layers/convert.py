"""From any model to the same model on crossbars."""

import copy
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aihwkit.nn import AnalogConv2d, AnalogLinear
from torch import Tensor, nn

from crossbar import PCMConfig
from crossbar.array_layers import is_array_layer
from crossbar.array_layers.convert import array_layer
from imc_grapes.layers.apart import replaced, taken_apart
from imc_grapes.layers.incoming_weights import is_analog
from imc_grapes.layers.obstacles import find_obstacles
from imc_grapes.layers.patterns import SHOWN, check_patterns, fits, fits_any, some
from imc_grapes.layers.unfolded_conv import UnfoldedConv
from kernels.errors import InputError

_CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_LITTLE_OF_RANGE = 0.2


def to_crossbar(
    model: nn.Module,
    config: Any,
    *,
    exclude: Iterable[str] = (),
    strict: bool = True,
) -> nn.Module:
    """A copy of a model with its weights on crossbars; the model itself stays as it is.

    `nn.Linear`, `nn.Conv1d/2d/3d` (grouped, depthwise, any padding), `nn.RNN`, `nn.LSTM`, `nn.GRU`,
    `nn.MultiheadAttention` (also inside torch's transformer layers) and the layers of `imc_grapes.spiking` and
    `imc_grapes.recurrent` are converted. Recurrent layers are unrolled and attention's packed projection is taken apart
    into linear layers; both give the same outputs as before to float precision. Biases, normalisations, activations and
    embeddings stay digital; `placement` lists them with the reason.

    A weight that cannot lie on an array is refused, unless `exclude` names it.

    Args:
        model: a digital model, float32, on the CPU.
        config: a `PCMConfig` or one of aihwkit's, for all layers; or a mapping from name patterns to one, or to None
            for digital. The first pattern that fits a layer, or a module that it lies in, decides.
        exclude: patterns of modules or parameters that stay digital.
        strict: refuse what cannot be converted and is not excluded; if False it stays digital, with its reason in
            `placement`.

    Returns:
        The converted copy, of the same class. A config with a seed numbers its layers in the order in which they stand
        in the model.

    Raises:
        InputError: a weight cannot be put on a crossbar; a pattern fits nothing; a layer has no config; the model is on
            crossbars already, or has no layer that could be.

    Example:
        >>> from torch import nn
        >>> from imc_grapes import PCMConfig, placement, to_crossbar
        >>> net = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> model = to_crossbar(net, PCMConfig(seed=0), exclude=("2",))
        >>> placement(model)[["parameter", "where", "devices"]].to_string(index=False).splitlines()[1].split()
        ['0.weight', 'crossbar', '192']
    """
    excluded = tuple([exclude] if isinstance(exclude, str) else exclude)
    if not isinstance(model, nn.Module):
        raise InputError(f"model: must be a torch module (got {type(model).__name__})")
    if any(is_analog(module) or is_array_layer(module) for module in model.modules()):
        raise InputError(
            "model: has layers on crossbars already; convert the digital model that it was made from"
        )
    configs = config if isinstance(config, Mapping) else {"*": config}
    check_patterns(model, (pattern for pattern in configs if pattern != "*"))
    digital = taken_apart(model, exclude=excluded, strict=strict)
    impossible = [obstacle.name for obstacle in find_obstacles(digital)]
    replacements: dict[nn.Module, nn.Module] = {}
    unnamed: list[str] = []
    ranges: list[_UsedRange] = []
    for name, module in digital.named_modules():
        if not isinstance(module, (nn.Linear, *_CONV)) or fits_any(name, (*excluded, *impossible)):
            continue
        pattern = next((pattern for pattern in configs if fits(name, pattern)), None)
        if pattern is None:
            unnamed.append(name)
        elif isinstance(configs[pattern], PCMConfig) and configs[pattern].in_software:
            replacements[module] = array_layer(name, module, configs[pattern])
        elif configs[pattern] is not None:
            replacements[module] = _on_crossbars(name, module, configs[pattern], ranges)
    if unnamed and strict:
        raise InputError(
            f"config: no pattern fits {some(unnamed)}; give '*' a config, or None to leave the rest digital"
        )
    if not replacements:
        raise InputError(f"{type(model).__name__} has no layer left to put on crossbars")
    _warn_of_ranges(ranges)
    return replaced(digital, replacements)


class _UsedRange(NamedTuple):
    layer: str
    largest: float
    limit: float


class _LinearToBeWritten(AnalogLinear):
    def reset_parameters(self) -> None:
        """Draw and program no initial weights: those of the digital layer come next."""


class _Conv2dToBeWritten(AnalogConv2d):
    def reset_parameters(self) -> None:
        """As for the linear layer."""


def _on_crossbars(name: str, module: nn.Module, config: Any, ranges: list[_UsedRange]) -> nn.Module:
    if isinstance(module, nn.Linear) or _is_plain(module):
        return _written(name, module, config, ranges)
    assert isinstance(module, _CONV)
    apart = UnfoldedConv(module)
    prefix = f"{name}." if name else ""
    linears = [(own, part) for own, part in apart.named_modules() if isinstance(part, nn.Linear)]
    return replaced(
        apart, {part: _written(prefix + own, part, config, ranges) for own, part in linears}
    )


def _is_plain(module: nn.Module) -> bool:
    """Whether aihwkit has a layer for this convolution on any tile."""
    return (
        isinstance(module, nn.Conv2d)
        and module.groups == 1
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _written(name: str, module: Any, config: Any, ranges: list[_UsedRange]) -> nn.Module:
    """aihwkit's layer with the weights of `module`, on tiles with a config of their own."""
    weight = module.weight.detach()
    if isinstance(config, PCMConfig):
        own: Any = config.for_weights(weight)
        ranges.append(_UsedRange(name, float(weight.abs().max()), own.array.weight_range))
    else:
        own = copy.deepcopy(config)
    linear = isinstance(module, nn.Linear)
    layer: Any
    with warnings.catch_warnings():
        # Said once for the whole model, with the layers' names.
        warnings.filterwarnings("ignore", message=".*beyond the weight_range")
        layer = (_LinearToBeWritten if linear else _Conv2dToBeWritten).from_digital(module, own)
    layer.__class__ = AnalogLinear if linear else AnalogConv2d
    if not linear:
        layer.register_forward_pre_hook(_refuse_empty)
    for tile in layer.analog_tiles():
        tile.analog_ctx.requires_grad_(module.weight.requires_grad)
    if module.bias is not None:
        for name, parameter in layer.named_parameters():
            if name.endswith("bias"):
                parameter.requires_grad_(module.bias.requires_grad)
    converted: nn.Module = layer.train(module.training)
    return converted


def _refuse_empty(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Of an empty batch aihwkit's convolution cannot tell the size of its outputs."""
    if inputs[0].numel() == 0:
        raise InputError(
            f"input: a convolution on crossbars takes no empty batch (got the shape {tuple(inputs[0].shape)}); "
            "leave batches without samples out"
        )


def _warn_of_ranges(ranges: list[_UsedRange]) -> None:
    for said, layers in (
        (
            "have weights beyond the weight_range, which are clipped to it",
            [one for one in ranges if one.largest > one.limit * (1.0 + 1e-6)],
        ),
        (
            f"use less than {_LITTLE_OF_RANGE:.0%} of the weight_range, so few of its states",
            [one for one in ranges if one.largest < one.limit * _LITTLE_OF_RANGE],
        ),
    ):
        if layers:
            shown = ", ".join(f"'{n}' ({w:.3g} of {limit:.3g})" for n, w, limit in layers[:SHOWN])
            more = f" and {len(layers) - SHOWN} others" if len(layers) > SHOWN else ""
            warnings.warn(
                f"layers {shown}{more} {said}; array: {{weight_range: auto}} takes each layer's largest weight",
                stacklevel=3,
            )
