"""Penn Treebank, word level: running text as one stream of word numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from imc_grapes.data.locate import find_files
from kernels.bounded_file import MEBIBYTE, read_bounded
from kernels.errors import InputError

END_OF_LINE = "<eos>"
UNKNOWN = "<unk>"
_MOST_BYTES = 64 * MEBIBYTE
"""The training text has 5."""


@dataclass(frozen=True)
class WordBatch:
    """A window of the text, cut into as many streams as the batch is wide."""

    inputs: Tensor
    """``[time, batch]`` int64."""
    targets: Tensor
    """The next word of each stream, of the same shape."""
    goes_on: bool
    """Whether each stream goes on where it ended in the batch before."""


@dataclass(frozen=True)
class Words:
    """A text: ``tokens`` ``[n]`` int64, numbers below `vocabulary`."""

    tokens: Tensor
    vocabulary: int
    window: int
    """Truncated-BPTT window, time steps."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def n_features(self) -> int:
        """Words there are."""
        return self.vocabulary

    def first(self, samples: int | None) -> "Words":
        """The first `samples` words, or all of them."""
        return Words(self.tokens[:samples], self.vocabulary, self.window)

    def to(self, device: torch.device | str) -> "Words":
        """The same on a device of torch."""
        return Words(self.tokens.to(device), self.vocabulary, self.window)

    def batches(self, batch_size: int, order: torch.Generator | None) -> Iterator[WordBatch]:
        """Windows one after the other: text has an order of its own, so `order` shuffles nothing."""
        streams = self._streams(batch_size)
        for start in range(0, len(streams) - 1, self.window):
            stop = min(start + self.window, len(streams) - 1)
            yield WordBatch(streams[start:stop], streams[start + 1 : stop + 1], start > 0)

    def n_batches(self, batch_size: int) -> int:
        """How many windows there are; the last may be shorter."""
        return -(-(len(self._streams(batch_size)) - 1) // self.window)

    def _streams(self, batch_size: int) -> Tensor:
        """``[time, batch]``; what is left over at the end of the text is dropped."""
        length = len(self.tokens) // batch_size
        if length < 2:
            raise InputError(
                f"data.batch_size: {len(self.tokens)} words are too few for {batch_size} streams of 2 words or more"
            )
        return self.tokens[: length * batch_size].view(batch_size, length).t().contiguous()


def read_words(data_dir: Path | None, window: int) -> tuple[Words, Words, Words]:
    """Training, validation and test text; the vocabulary is that of the training text.

    Raises:
        InputError: a file is missing, empty or no text, or holds a word that is not in the training text.
    """
    files = find_files("ptb", data_dir)
    texts = {part: _read_text(files[part]) for part in ("train", "valid", "test")}
    numbers: dict[str, int] = {}
    for word in texts["train"]:
        numbers.setdefault(word, len(numbers))
    splits = []
    for part, text in texts.items():
        strangers = [word for word in text if word not in numbers]
        if strangers and UNKNOWN not in numbers:
            raise InputError(f"{files[part]}: '{strangers[0]}' is not a word of the training text")
        tokens = torch.tensor([numbers.get(word, numbers.get(UNKNOWN, 0)) for word in text])
        splits.append(Words(tokens, len(numbers), window))
    train, validation, test = splits
    return train, validation, test


def _read_text(path: Path) -> list[str]:
    try:
        lines = read_bounded(path, _MOST_BYTES).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    words = [word for line in lines for word in [*line.split(), END_OF_LINE]]
    if not words:
        raise InputError(f"{path}: is empty")
    return words
