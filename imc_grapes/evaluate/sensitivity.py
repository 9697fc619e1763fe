"""Which layer of a model suffers most from its devices."""

from collections.abc import Iterable
from statistics import fmean

import pandas as pd
from torch import nn
from tqdm.auto import tqdm

from crossbar.drift_compensation import Compensation
from imc_grapes.evaluate.any_model import Statistics, on_devices
from imc_grapes.evaluate.drift import Score, in_evaluation_mode
from imc_grapes.evaluate.over_time import read_over_time

NONIDEALITY = "programming, drift, read noise"


def sensitivity(
    model: nn.Module,
    score: Score,
    *,
    statistics: Statistics = None,
    time_s: float = 86400.0,
    repeats: int = 5,
    compensation: Compensation = "global",
    exclude: Iterable[str] = (),
    strict: bool = True,
    progress: bool | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Put each layer alone on devices, and see what that costs.

    Args:
        model: digital, or on arrays: each layer in turn is programmed, the others stay digital, without circuits. Or on
            PCM tiles: each layer in turn is read at the later time while the others are read now.
        score: as in `evaluate_drift`.
        statistics: as in `evaluate_drift`.
        time_s: s since programming, or since the last update.
        repeats: devices drawn anew; the same ones for a layer whatever the others do.
        compensation: ``"none"``, ``"global"`` or ``"column"``; see `evaluate_drift`.
        exclude: layers that stay digital.
        strict: as in `evaluate_drift`.
        progress: show a progress bar; None for one in a terminal only.
        seed: fixes the devices.

    Returns:
        A data frame with the columns *layer*, *nonideality*, *score* (mean over the repeats), *loss* (what the model
        scores without that layer's devices, minus *score*) and *std* of the score; the largest loss first.

    Raises:
        InputError: as `evaluate_drift`.

    Example:
        >>> import torch
        >>> from imc_grapes import sensitivity
        >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
        >>> x = torch.randn(50, 4)
        >>> truth = net(x).argmax(1)
        >>> accuracy = lambda model: float((model(x).argmax(1) == truth).float().mean())
        >>> frame = sensitivity(net, accuracy, statistics="pcm_nandakumar2019", repeats=2)
        >>> sorted(frame["layer"])
        ['0', '2']
    """
    scored, programmed = on_devices(model, statistics, exclude=exclude, strict=strict)
    with programmed.digital():
        before = in_evaluation_mode(scored, score)
    rows = []
    for name in tqdm(programmed.layers, disable=None if progress is None else not progress):
        reads = read_over_time(
            lambda: {"score": in_evaluation_mode(scored, score)},
            programmed.only(name),
            times_s=(time_s,),
            repeats=repeats,
            compensation=(compensation,),
            seed=seed,
        )
        scores = [read.scores["score"] for read in reads]
        mean = fmean(scores)
        spread = pd.Series(scores).std() if repeats > 1 else 0.0
        rows.append((name, NONIDEALITY, mean, before - mean, spread))
    frame = pd.DataFrame(rows, columns=["layer", "nonideality", "score", "loss", "std"])
    return frame.sort_values("loss", ascending=False, kind="stable", ignore_index=True)
