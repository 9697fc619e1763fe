"""Bytes of update state: counted from the live tensors, and by the closed form."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from crossbar.rules import Rule
from crossbar.specs import AccumulatedSpec, TTv2Spec
from imc_grapes.rules.by_layer import RulesByLayer

_BYTES_OF_COPIED_WEIGHT = 4
_BYTES_OF_H = 4
_DIGITAL_MATRICES = (
    "hidden_weights_chi",
    "buffered_FP_weight",
    "running_mean_weight",
    "past_mean_weight",
)


def measured_bytes(optimizer: Optimizer, model: nn.Module) -> int:
    """Bytes of every array that is kept from one update to the next; call it after a step.

    Counts the tensors of `optimizer`, and what the tiles of `model` that update themselves keep in digital memory.
    """
    in_torch = sum(t.numel() * t.element_size() for t in _tensors(dict(optimizer.state)))
    in_tiles: int = sum(
        array.nbytes for tile in _tiles(model) for array in tile.update_state_arrays().values()
    )
    in_aihwkit = sum(t.numel() * t.element_size() for t in _digital_matrices_of_aihwkit(model))
    return in_torch + in_tiles + in_aihwkit


def closed_form_bytes(model: nn.Module, rule: Rule) -> int:
    """Bytes that the textbook asks for: the numbers that a rule keeps, of the weights' own size.

    torch's Adam also keeps a 4-byte step counter per parameter tensor, which the closed form leaves out, as it does
    the digital matrices of aihwkit's mixed-precision and transfer compounds. A tile with an
    accumulator keeps that too, and the rule's numbers at the tile's own word length; one of ttv2, its matrix H; one
    that is never read during training, a copy of its weights.
    """
    rules = RulesByLayer(model, rule)
    in_torch = 0
    for parameter in _trained_by_torch(model):
        own = rules.of_parameter(parameter)
        if parameter.numel():
            numbers = own.state_numbers(*own.matrix_shape(parameter.shape))
            in_torch += numbers * parameter.element_size()
    in_tiles = 0
    for tile in _tiles(model):
        update = tile.rpu_config.update
        if isinstance(update, AccumulatedSpec):
            numbers = rules.of_tile(tile).state_numbers(tile.out_size, tile.in_size)
            bits = tile.in_size * tile.out_size * update.accumulator_bits
            in_tiles += (bits + numbers * update.optimizer.state_bits) // 8
        if isinstance(update, TTv2Spec):
            in_tiles += tile.in_size * tile.out_size * _BYTES_OF_H
        if tile.rpu_config.read.during_training == "never":
            in_tiles += tile.in_size * tile.out_size * _BYTES_OF_COPIED_WEIGHT
    return in_torch + in_tiles


def _digital_matrices_of_aihwkit(model: nn.Module) -> Iterator[Tensor]:
    """What aihwkit's mixed-precision and transfer compounds keep beside their devices, hidden in their C++ part."""
    for module in model.modules():
        is_theirs = hasattr(module, "get_hidden_parameters") and hasattr(module, "analog_ctx")
        if is_theirs and not hasattr(module, "update_state_arrays"):
            for name, matrix in module.get_hidden_parameters().items():  # type: ignore[operator]
                if name.startswith(_DIGITAL_MATRICES):
                    yield matrix


def _tiles(model: nn.Module) -> Iterator[Any]:
    return (module for module in model.modules() if hasattr(module, "update_state_arrays"))


def _trained_by_torch(model: nn.Module) -> Iterator[Tensor]:
    """Parameters that a torch optimizer updates: not the devices that a tile updates by itself, nor its counters."""
    counters = {id(getattr(module, "input_range_update_idx", None)) for module in model.modules()}
    for parameter in model.parameters():
        is_tile = hasattr(parameter, "analog_tile")
        if parameter.requires_grad and not is_tile and id(parameter) not in counters:
            yield parameter


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _tensors(inner)
