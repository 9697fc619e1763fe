"""Which weights of a model cannot be put on crossbars, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils import parametrize, prune

from crossbar.array_layers import is_array_layer
from imc_grapes.layers.incoming_weights import is_analog
from imc_grapes.layers.patterns import SHOWN, fits_any
from kernels.errors import InputError

_PLAIN = {
    nn.Linear,
    NonDynamicallyQuantizableLinear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.RNN,
    nn.LSTM,
    nn.GRU,
    nn.MultiheadAttention,
}
_REMOVED_BY = {"WeightNorm": "remove_weight_norm", "SpectralNorm": "remove_spectral_norm"}
_WEIGHT_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.RNNBase,
    nn.MultiheadAttention,
)
_NO_PRODUCT: tuple[tuple[type[nn.Module], ...], ...] = (
    (nn.Embedding, nn.EmbeddingBag),
    (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm),
    (nn.PReLU,),
)
_WHY_DIGITAL = (
    "a table that is looked up, not multiplied with",
    "scale and shift of a normalisation, which is computed digitally",
    "slope of an activation, which is computed digitally",
)


@dataclass(frozen=True)
class Obstacle:
    """A module or a parameter that cannot be put on crossbars."""

    name: str
    reason: str


def why_no_product(module: nn.Module) -> str | None:
    """Why the parameters of a module take no part in a product with stored weights; None if they may."""
    for kinds, reason in zip(_NO_PRODUCT, _WHY_DIGITAL, strict=True):
        if isinstance(module, kinds):
            return reason
    return None


def find_obstacles(model: nn.Module) -> list[Obstacle]:
    """Every module whose weights cannot be put on crossbars, and every loose parameter of two or more axes."""
    obstacles: list[Obstacle] = []
    owners = _owners(model)
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if inside and name.startswith(inside):
            continue
        if is_analog(module) or is_array_layer(module) or why_no_product(module):
            continue
        if isinstance(module, _WEIGHT_LAYERS):
            inside = (*inside, f"{name}." if name else name)
            reason = _why_not(name, module, owners)
            if reason:
                obstacles.append(Obstacle(name, reason))
            continue
        obstacles += _of_other_module(name, module)
        if parametrize.is_parametrized(module):
            inside = (*inside, f"{name}.parametrizations." if name else "parametrizations.")
    return obstacles


def refuse_obstacles(model: nn.Module, excluded: Iterable[str], *, strict: bool) -> list[str]:
    """The names of all obstacles, those that are excluded or left digital among them.

    Raises:
        InputError: strict, and one is not excluded.
    """
    obstacles = find_obstacles(model)
    refused = [obstacle for obstacle in obstacles if not fits_any(obstacle.name, excluded)]
    if strict and refused:
        listed = "\n".join(
            f"  {_shown(obstacle.name)} {obstacle.reason}" for obstacle in refused[:SHOWN]
        )
        more = f"\n  and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        names = ", ".join(f'"{obstacle.name}"' for obstacle in refused[:SHOWN])
        raise InputError(
            f"these weights cannot be put on crossbars:\n{listed}{more}\n"
            f"To leave them digital, name them: exclude=({names},); strict=False leaves all such weights digital"
        )
    return [obstacle.name for obstacle in obstacles]


def _shown(name: str) -> str:
    return f"'{name}'" if name else "the model"


def _of_other_module(name: str, module: nn.Module) -> list[Obstacle]:
    kind = type(module).__name__
    prefix = f"{name}." if name else ""
    return [
        Obstacle(
            prefix + own,
            f"belongs to a {kind}, which is none of the kinds of layers that to_crossbar converts",
        )
        for own, parameter in module.named_parameters(recurse=False)
        if isinstance(parameter, UninitializedParameter) or parameter.dim() >= 2
    ]


def _why_not(name: str, module: nn.Module, owners: dict[int, list[str]]) -> str | None:
    kind = type(module).__name__
    if parametrize.is_parametrized(module):
        return (
            f"is a {kind} with a parametrization, which would be lost; "
            "torch.nn.utils.parametrize.remove_parametrizations leaves its weights as they are"
        )
    for hook in module._forward_pre_hooks.values():
        if remove := _REMOVED_BY.get(type(hook).__name__):
            return (
                f"is a {kind} with a parametrization by a hook, which would be lost; "
                f"torch.nn.utils.{remove} leaves its weights as they are"
            )
    if any(
        isinstance(hook, prune.BasePruningMethod) for hook in module._forward_pre_hooks.values()
    ):
        return (
            f"is a pruned {kind}, whose mask would be lost; torch.nn.utils.prune.remove leaves its weights as "
            "they are"
        )
    if type(module) not in _PLAIN:
        if isinstance(module, nn.modules.lazy.LazyModuleMixin):
            return f"is a {kind} without weights yet; show it a batch first"
        base = next(one.__name__ for one in type(module).__mro__ if one in _PLAIN | {nn.RNNBase})
        return f"is a {kind}, a class derived from {base} that may compute something else"
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks:
        return f"is a {kind} with hooks, which would be lost; attach them after the conversion"
    for own, parameter in module.named_parameters():
        reason = _why_not_parameter(parameter)
        if reason:
            return f"is a {kind} whose {own} {reason}"
        shared = [other for other in owners[id(parameter)] if not other.startswith(f"{name}.")]
        if shared and parameter.dim() >= 2 and name:
            return f"is a {kind} whose {own} is also '{shared[0]}', and devices hold a weight for one layer alone"
    return _why_not_kind(kind, module)


def _why_not_parameter(parameter: Tensor) -> str | None:
    if parameter.is_meta:
        return "is on the meta device, without values"
    if parameter.dtype != torch.float32:
        return f"is {str(parameter.dtype).removeprefix('torch.')}; crossbars compute in float32"
    if parameter.numel() == 0:
        return f"is empty, of shape {tuple(parameter.shape)}"
    if not torch.isfinite(parameter).all():
        return "holds a value that is not finite"
    return None


def _why_not_kind(kind: str, module: nn.Module) -> str | None:
    if isinstance(module, nn.RNNBase) and (module.bidirectional or module.proj_size):
        what = "runs in both directions" if module.bidirectional else "projects its outputs"
        return f"is a {kind} that {what}"
    if isinstance(module, nn.MultiheadAttention):
        if module.bias_k is not None:
            return f"is a {kind} with add_bias_kv"
        if module.add_zero_attn:
            return f"is a {kind} with add_zero_attn"
    return None


def _owners(model: nn.Module) -> dict[int, list[str]]:
    """Each parameter's names, under the first name of every module that holds it."""
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            owners.setdefault(id(parameter), []).append(f"{name}.{own}" if name else own)
    return owners
