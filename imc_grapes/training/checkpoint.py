"""Everything that a training needs to go on to the same result."""

from pathlib import Path
from typing import Any

import torch

from imc_grapes.training.loop import Trainer, put_back
from kernels.errors import InputError


def save_checkpoint(trainer: Trainer, identity: str, path: Path) -> None:
    """Write the state of `trainer` to `path`, for the config whose hash is `identity`."""
    torch.save(
        {
            "config_hash": identity,
            "model": trainer.model.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "order": trainer.order.get_state(),
            "global_random_state": torch.get_rng_state(),
            "position": vars(trainer.position),
            "grapes": trainer.grapes.state_dict() if trainer.grapes else None,
        },
        path,
    )


def load_checkpoint(trainer: Trainer, identity: str, path: Path) -> None:
    """Put the state in `path` back into `trainer`.

    The file is unpickled, since aihwkit's tiles keep configuration objects in their state: load only your own.

    Raises:
        InputError: the file is broken, or belongs to another config.
    """
    try:
        state: Any = torch.load(path, weights_only=False)
    except Exception as error:
        raise InputError(f"{path}: is not a readable checkpoint: {error}") from None
    if not isinstance(state, dict):
        raise InputError(f"{path}: is not a readable checkpoint: it holds a {type(state).__name__}")
    if state.get("config_hash") != identity:
        raise InputError(
            f"{path}: belongs to another config (hash {state.get('config_hash')}, this one is {identity})"
        )
    put_back(trainer.model, state["model"], trainer.optimizer)
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.order.set_state(state["order"])
    torch.set_rng_state(state["global_random_state"])
    for key, value in state["position"].items():
        setattr(trainer.position, key, value)
    if trainer.grapes:
        trainer.grapes.load_state_dict(state["grapes"])
