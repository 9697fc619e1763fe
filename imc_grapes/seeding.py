"""One seed fixes everything: each purpose gets a stream of its own, so that using more of one changes no other."""

import zlib

import numpy as np
import torch


def stream_seed(seed: int, purpose: str, index: int = 0) -> int:
    """A 63-bit seed for the `index`-th stream of `purpose`, well mixed from the experiment's seed."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), index])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A torch generator for that stream."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, index))
