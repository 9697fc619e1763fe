"""Weights that were trained elsewhere: read from a file into a network."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from crossbar.array_layers import STATE_OF_ARRAYS
from imc_grapes.torch_file import read_torch_file
from kernels.errors import InputError

_MOST_NAMED = 3
_PARALLEL = "module."
_COUNTER = "num_batches_tracked"
_HOLD_WEIGHTS = ("state_dict", "model")  # "model" in the checkpoint of a run


def load_weights(network: nn.Module, path: Path) -> None:
    """Put the weights in `path` into `network`.

    Args:
        network: gets them.
        path: a file of safetensors, or a ``.pt`` or ``.pth`` of a state dict, or of a dict that holds one under the key
            ``state_dict``, or the ``checkpoint.pt`` of a run; read without running code of it. The prefix ``module.``
            of a network that was trained in parallel is left out, and so is what layers on arrays hold beside weights.

    Raises:
        InputError: the file cannot be read, or its names or shapes are not those of the network.
    """
    given = _read(path)
    if given and all(name.startswith(_PARALLEL) for name in given):
        given = {name.removeprefix(_PARALLEL): tensor for name, tensor in given.items()}
    given = {
        name: tensor
        for name, tensor in given.items()
        if name.rpartition(".")[2] not in STATE_OF_ARRAYS
    }
    own = network.state_dict()
    # Batch normalisation has counted its batches only since torch 0.4, and nothing but training needs the count.
    missing = [name for name in own if name not in given and not name.endswith(_COUNTER)]
    unexpected = [name for name in given if name not in own]
    shapes = [
        f"{name} {list(given[name].shape)} for {list(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    problems = [
        f"{what} {_few(names)}"
        for what, names in (
            ("lacks", missing),
            ("holds what the network does not have:", unexpected),
            ("has other shapes:", shapes),
        )
        if names
    ]
    if problems:
        raise InputError(
            f"network.weights: {path}: does not fit the network: it {'; it '.join(problems)}"
        )
    network.load_state_dict(given, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content: Any = read_torch_file(path, old=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"network.weights: {path}: cannot be read: {reason}") from None
    except SafetensorError as error:
        raise InputError(
            f"network.weights: {path}: is not a file of safetensors: {error}"
        ) from None
    except InputError as error:
        raise InputError(
            f"network.weights: {path}: cannot be read as tensors alone, which is all that is read of a .pt file (it "
            f"{error}); save model.state_dict()"
        ) from None
    if isinstance(content, dict):
        for key in _HOLD_WEIGHTS:
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if not isinstance(content, dict) or not all(
        isinstance(one, Tensor) for one in content.values()
    ):
        raise InputError(
            f"network.weights: {path}: holds no state dict, that is, names and tensors; save model.state_dict()"
        )
    return content


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
