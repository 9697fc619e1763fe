"""The verb `optimizer`: one update rule with one set of constants for all parameters of a model."""

from math import isfinite
from typing import Any

import torch
from aihwkit.optim.analog_optimizer import AnalogOptimizer, AnalogSGD
from aihwkit.optim.context import AnalogContext
from torch import nn
from torch.optim import Optimizer

from crossbar.pcm_tile import PCMTile
from crossbar.rules import RULES, Rule, RuleChoice, carried_out_by, why_cancelled
from crossbar.specs import OptimizerSpec
from imc_grapes.grapes import Grapes
from imc_grapes.layers.incoming_weights import is_recurrent
from imc_grapes.layers.weight_layers import node_layers
from imc_grapes.rules.by_layer import OutputLayersCheck, RulesByLayer
from imc_grapes.rules.dense_optimizer import DenseOptimizer
from imc_grapes.rules.joint_optimizer import JointOptimizer, trained_in_software
from imc_grapes.transport.base import attached_transport
from kernels.errors import InputError


def optimizer(model: nn.Module, rule: str, lr: float, **constants: Any) -> Optimizer:
    """One update rule for the tiles of a model and for the digital parameters beside them.

    Digital parameters, and the weights of aihwkit's hardware-aware tiles, are trained as by `torch.optim`. Tiles of
    `PCMConfig` carry the rule out in their own update circuits: with ``update: accumulated`` any rule, with ``pulsed``
    one that keeps no state. aihwkit's in-place tiles take only a rule whose update is the gradient.

    Call it once, before the training, and use the result in a plain loop: zero_grad, backward, step. Schedulers of
    `torch.optim.lr_scheduler` work on it.

    A rule that treats the output layers differently, such as scale, takes the weight layer registered last for one, and
    refuses its first step if the first passes show another; ``output_layers=(...)`` names them.

    Args:
        model: any model, on crossbars or not.
        rule: a name that is registered, such as sgd, momentum, nag, rmsprop or adam; `crossbar.rules.RULES` has all.
        lr: learning rate, in units of the layers' own weights; 0 or more.
        **constants: of the rule, such as ``momentum=0.9`` or ``betas=(0.9, 0.999)``; what is left out is as in
            ``update.optimizer`` of the tiles, or the rule's own default.

    Returns:
        An optimizer of torch. Frozen parameters stay as they are; so does a tile whose `analog_ctx` is frozen. It warns
        of layers whose devices get no pulse in the first 20 updates.

    Raises:
        InputError: the rule or a constant is unknown or impossible; tiles cannot carry the rule out, ask for another
            one, or have been updated by another one; the model has no parameters. In the first step: a `Grapes` acts on
            the model whose factors the rule divides out again.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from imc_grapes import PCMConfig, optimizer, to_crossbar
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
        >>> config = PCMConfig(update="accumulated", io="perfect", array={"weight_range": "auto"}, seed=0)
        >>> model = to_crossbar(net, config)
        >>> update = optimizer(model, "adam", lr=0.02, betas=(0.8, 0.99))
        >>> decay = torch.optim.lr_scheduler.ExponentialLR(update, gamma=0.9)
        >>> for _ in range(5):
        ...     update.zero_grad()
        ...     model(torch.ones(2, 4)).square().mean().backward()
        ...     update.step()
        >>> decay.step()
        >>> round(update.param_groups[0]["lr"], 6)
        0.018
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"model: must be a torch module (got {type(model).__name__})")
    if isinstance(lr, bool) or not isinstance(lr, int | float) or not (isfinite(lr) and lr >= 0.0):
        raise InputError(f"lr: must be a number, 0 or more (got {lr!r})")
    if "name" in constants:
        raise InputError(f"rule: is '{rule}' already (got name={constants['name']!r})")
    parameters = list(model.parameters())
    if not parameters:
        raise InputError(f"model: {type(model).__name__} has no parameters")
    RuleChoice.of({"name": rule, **constants})
    tiles = [module for module in model.modules() if isinstance(module, PCMTile)]
    chosen = _agreed(rule, constants, tiles)
    _refuse_in_place(model, chosen.rule)
    rules = RulesByLayer(model, chosen.rule)
    for tile, update in [
        (tile, tile.with_rule(_for_tile(tile, rules.of_tile(tile)))) for tile in tiles
    ]:
        tile.set_update(update)
    built = _built(model, parameters, float(lr), rules)
    _check_first_step(model, built, chosen.rule, rules)
    return built


def _agreed(name: str, constants: dict[str, Any], tiles: list[PCMTile]) -> RuleChoice:
    """The rule with the constants that the call and the configurations of the tiles give."""
    asked = [tile.configured_optimizer for tile in tiles]
    others = sorted({one.name for one in asked} - {name, "sgd"})
    if others:
        raise InputError(f"rule: must be that of the tiles, {', '.join(others)} (got {name})")
    given = [one.given for one in asked if one.name == name]
    wanted = RuleChoice.of({"name": name, **constants})
    agreed = wanted.given
    for constant, value in ((key, value) for one in given for key, value in one.items()):
        if agreed.setdefault(constant, value) != value and constant in constants:
            raise InputError(
                f"{constant}: must be that of the tiles, {value} (got {constants[constant]}); leave one out"
            )
    rules = [RULES[name].model_validate({**one, **wanted.given}) for one in given]
    if any(one != rules[0] for one in rules):
        found = "; ".join(dict.fromkeys(map(str, rules)))
        raise InputError(
            f"update.optimizer: differs between the tiles of one model ({found}); the digital parameters beside them "
            "need one rule"
        )
    return RuleChoice.of({"name": name, **agreed})


def _for_tile(tile: PCMTile, rule: Rule) -> OptimizerSpec:
    """A rule at the word length of the tile."""
    bits = tile.rpu_config.update.optimizer.state_bits if rule.state else 32
    return OptimizerSpec.of({"name": rule.name, **rule.constants, "state_bits": bits})


def _refuse_in_place(model: nn.Module, rule: Rule) -> None:
    """aihwkit's tiles that update themselves send pulse trains of inputs and errors, whatever the optimizer is."""
    if "per_sample" in rule.pulse_trains:
        return
    for name, module in model.named_modules():
        context = getattr(module, "analog_ctx", None)
        if (
            isinstance(context, AnalogContext)
            and not isinstance(module, PCMTile)
            and trained_in_software(context) is None
        ):
            raise InputError(
                f"rule: '{name}' lies on aihwkit's {type(module).__name__}, which updates its devices in place and "
                f"honours only {carried_out_by('per_sample')} (got '{rule.name}'); PCMConfig(update='accumulated') "
                "takes any rule"
            )


def _check_first_step(model: nn.Module, built: Optimizer, rule: Rule, rules: RulesByLayer) -> None:
    """What only the passes of the first update show, and what may be attached to the model until then."""
    follows = rules.differ and not rule.named_layers
    outputs = OutputLayersCheck(model, rules.chosen) if follows else None
    if outputs is None and rule.of_layer(None, is_last=False).cancels == "none":
        return

    def check(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        handle.remove()
        if outputs is not None:
            outputs.settle()
        _refuse_cancelled(model, rule)

    handle = built.register_step_pre_hook(check)


def _refuse_cancelled(model: nn.Module, rule: Rule) -> None:
    transport = attached_transport(model)
    layers = node_layers(model)
    goes_upstream = len(layers) > 2 or any(map(is_recurrent, layers.values()))
    for grapes in Grapes.of(model):
        reason = why_cancelled(
            rule,
            grapes.mode,
            is_direct=transport is not None and transport.is_direct,
            goes_upstream=goes_upstream,
        )
        if reason:
            raise InputError(f"mode: {reason}; call detach() of the Grapes, or use another rule")


def _built(
    model: nn.Module, parameters: list[nn.Parameter], lr: float, rules: RulesByLayer
) -> Optimizer:
    own = [one for one in parameters if _on_our_tile(one)]
    parts: list[Optimizer] = [AnalogSGD(own, lr=lr)] if own else []
    rest: list[tuple[Rule, list[nn.Parameter]]] = []
    for parameter in parameters:
        if _on_our_tile(parameter):
            continue
        rule = rules.of_parameter(parameter)
        same = next((group for one, group in rest if one == rule), None)
        if same is None:
            rest.append((rule, [parameter]))
        else:
            same.append(parameter)
    for rule, group in rest:
        torch_class, arguments = _in_torch(rule)
        if any(isinstance(one, AnalogContext) for one in group):
            analog = AnalogOptimizer(torch_class, group, lr=lr, **arguments)
            analog.regroup_param_groups(model)
            parts.append(analog)
        else:
            parts.append(torch_class(group, lr=lr, **arguments))
    if len(parts) == 1 and not any(isinstance(one, AnalogContext) for one in parameters):
        return parts[0]
    return JointOptimizer(model, parts, lr)


def _in_torch(rule: Rule) -> tuple[Any, dict[str, Any]]:
    if rule.torch_class is None:
        return DenseOptimizer, {"rule": rule}
    return getattr(torch.optim, rule.torch_class), rule.torch_arguments()


def _on_our_tile(parameter: nn.Parameter) -> bool:
    return isinstance(getattr(parameter, "analog_tile", None), PCMTile)
