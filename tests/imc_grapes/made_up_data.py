"""A small collection of made-up chorales in the layout of the published file."""

import numpy as np
from scipy.io import savemat

NOTES = 88


def roll(steps, first_note=40, seed=0):
    """Three voices that move by steps of a scale."""
    rng = np.random.default_rng(seed)
    notes = np.zeros((steps, NOTES), np.uint8)
    for voice in range(3):
        line = first_note + 7 * voice + np.cumsum(rng.integers(-1, 2, steps))
        notes[np.arange(steps), line] = 1
    return notes


def write_music(folder, counts=(12, 4, 4), steps=(9, 14)):
    """Write JSB/JSB_Chorales.mat under `folder`, and return its path."""
    rng = np.random.default_rng(1)
    content = {}
    for key, count in zip(("traindata", "validdata", "testdata"), counts, strict=True):
        rolls = np.empty((1, count), object)
        for index in range(count):
            rolls[0, index] = roll(int(rng.integers(*steps)), seed=int(rng.integers(1000)))
        content[key] = rolls
    path = folder / "JSB" / "JSB_Chorales.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content)
    return path


def write_text(folder, lines=60):
    """Write the three files of PTB under `folder`: sentences in which every word tells the next."""
    rng = np.random.default_rng(2)
    words = ["the", "cat", "sees", "a", "dog", "and", "runs", "<unk>"]
    path = folder / "PTB"
    path.mkdir(parents=True, exist_ok=True)
    for part, share in (("train", 1.0), ("valid", 0.4), ("test", 0.4)):
        text = []
        for _ in range(int(lines * share)):
            start = int(rng.integers(0, 4))
            text.append(" " + " ".join(words[start:]) + " ")
        (path / f"ptb.{part}.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    return path
