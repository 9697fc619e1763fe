"""The JSB chorales of Boulanger-Lewandowski et al. (ICML 2012) as piano rolls of 88 notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imc_grapes.data.locate import find_files
from imc_grapes.data.matlab_cells import read_cells
from kernels.errors import InputError

NOTES = 88
"""Keys of a piano, from A0."""
LOWEST_MIDI_NOTE = 21
"""A0 as MIDI counts."""


@dataclass(frozen=True)
class ChoraleBatch:
    """Chorales side by side, the shorter ones padded with silence at the end."""

    inputs: Tensor
    """``[time, batch, 88]`` float32: 1 where a note sounds."""
    targets: Tensor
    """The notes of the next time step, of the same shape."""
    counted: Tensor
    """``[time, batch]`` float32: 1 where there is a next step, 0 in the padding."""


@dataclass(frozen=True)
class Chorales:
    """Piano rolls, each ``[time, 88]`` float32 of zeros and ones."""

    rolls: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.rolls)

    @property
    def n_features(self) -> int:
        """Notes."""
        return NOTES

    def first(self, samples: int | None) -> "Chorales":
        """The first `samples` chorales, or all of them."""
        return Chorales(self.rolls[:samples])

    def to(self, device: torch.device | str) -> "Chorales":
        """The same on a device of torch."""
        return Chorales(tuple(roll.to(device) for roll in self.rolls))

    def batches(self, batch_size: int, order: torch.Generator | None) -> Iterator[ChoraleBatch]:
        """Batches of whole chorales."""
        n = len(self)
        index = range(n) if order is None else torch.randperm(n, generator=order).tolist()
        for start in range(0, n, batch_size):
            yield chorale_batch([self.rolls[i] for i in index[start : start + batch_size]])

    def n_batches(self, batch_size: int) -> int:
        """How many batches there are; the last may be smaller."""
        return -(-len(self) // batch_size)


def chorale_batch(rolls: list[Tensor]) -> ChoraleBatch:
    """Every step of `rolls` but the last as input, every step but the first as target."""
    shape = max(len(roll) for roll in rolls) - 1, len(rolls)
    device = rolls[0].device
    inputs, targets = (torch.zeros(*shape, NOTES, device=device) for _ in range(2))
    counted = torch.zeros(shape, device=device)
    for column, roll in enumerate(rolls):
        steps = len(roll) - 1
        inputs[:steps, column] = roll[:-1]
        targets[:steps, column] = roll[1:]
        counted[:steps, column] = 1.0
    return ChoraleBatch(inputs, targets, counted)


def read_chorales(data_dir: Path | None) -> tuple[Chorales, Chorales, Chorales]:
    """Training, validation and test chorales from ``JSB_Chorales.mat``.

    Raises:
        InputError: the file is missing, broken, or holds something else.
    """
    path = find_files("jsb", data_dir)["chorales"]
    content = read_cells(path)
    parts = []
    for key in ("traindata", "validdata", "testdata"):
        if key not in content:
            raise InputError(f"{path}: holds no '{key}'")
        rolls = np.atleast_1d(np.squeeze(content[key]))
        parts.append(Chorales(tuple(_roll(path, key, i, roll) for i, roll in enumerate(rolls))))
    train, validation, test = parts
    return train, validation, test


def _roll(path: Path, key: str, index: int, values: object) -> Tensor:
    roll = np.asarray(values)
    place = f"{path}: {key}[{index}]"
    if roll.ndim != 2 or roll.shape[1] != NOTES:
        raise InputError(
            f"{place}: must be [time, {NOTES}], with notes on axis 1, not of shape {roll.shape}"
        )
    if len(roll) < 2:
        raise InputError(f"{place}: axis 0 (time) has {len(roll)} steps; a prediction needs 2")
    if not np.isin(roll, (0, 1)).all():
        raise InputError(f"{place}: holds something else than 0 and 1")
    return torch.from_numpy(roll.astype(np.float32))
