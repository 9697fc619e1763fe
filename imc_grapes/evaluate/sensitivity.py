"""Which layer of a model suffers most from its devices, and from what about them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, get_args

import pandas as pd
from torch import nn
from tqdm.auto import tqdm

from crossbar.drift_compensation import Compensation
from imc_grapes.evaluate.any_model import Statistics, on_devices
from imc_grapes.evaluate.batch_norm import recalibrated
from imc_grapes.evaluate.drift import (
    Score,
    calibration_list,
    check_repeats,
    check_seed,
    in_evaluation_mode,
)
from imc_grapes.evaluate.over_time import read_over_time
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from kernels.errors import InputError

ALL = "all"
"""In the column of layers: all of them. In that of nonidealities: all that the hardware has."""

_NOTHING_DRAWN = "wires"
"""The one nonideality that is the same whenever devices are drawn anew."""


def sensitivity(
    model: nn.Module,
    score: Score,
    *,
    statistics: Statistics = None,
    time_s: float = 86400.0,
    repeats: int = 5,
    compensation: Compensation = "global",
    calibration: Iterable[Any] | None = None,
    higher_is_better: bool = True,
    exclude: Iterable[str] = (),
    strict: bool = True,
    progress: bool | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """See what a model loses by each layer alone on devices, by each nonideality alone, and by all together.

    Args:
        model: digital: each layer in turn is programmed while the others stay digital, and then all of them with one
            nonideality each: *programming*, *drift*, *read_noise*, *faults* where the statistics have any. On arrays
            (``update="software"``): also *converters* and *wires*; the layers that stay digital have neither. On PCM
            tiles: each layer in turn is read at the later time while the others are read now; what training wrote
            cannot be taken apart into nonidealities.
        score: as in `evaluate_drift`.
        statistics: as in `evaluate_drift`.
        time_s: s since programming, or since the last update.
        repeats: devices drawn anew; a layer has the same ones whatever the others do, and a nonideality the same random
            numbers.
        compensation: ``"none"``, ``"global"`` or ``"column"``; see `evaluate_drift`.
        calibration: as in `evaluate_drift`.
        higher_is_better: False for a score that errs more the larger it is.
        exclude: layers that stay digital.
        strict: as in `evaluate_drift`.
        progress: show a progress bar; None for one in a terminal only.
        seed: fixes the devices.

    Returns:
        A data frame with the columns *layer* ("all" for a nonideality alone), *nonideality* ("all" for a layer alone;
        both are "all" for everything together), *score* (mean over the repeats), *loss* (how much worse that is than
        what the model scores without devices) and *std* of the score; the largest loss first.

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
        >>> sorted(zip(frame["layer"], frame["nonideality"]))
        [('0', 'all'), ('2', 'all'), ('all', 'all'), ('all', 'drift'), ('all', 'programming'), ('all', 'read_noise')]
    """
    check_repeats(repeats)
    check_seed(seed)
    if not 0.0 <= time_s < float("inf"):
        raise InputError(f"time_s: must be 0 s or more and finite (got {time_s!r})")
    if compensation not in get_args(Compensation):
        allowed = ", ".join(map(repr, get_args(Compensation)))
        raise InputError(f"compensation: must be one of {allowed} (got {compensation!r})")
    batches = calibration_list(calibration)
    scored, programmed = on_devices(model, statistics, exclude=exclude, strict=strict)
    programmed.check((compensation,))

    def now() -> float:
        with nullcontext() if batches is None else recalibrated(scored, batches):
            return in_evaluation_mode(scored, score)

    with programmed.digital():
        ideal = in_evaluation_mode(scored, score)
    hidden = None if progress is None else not progress
    with tqdm(total=reads_of(programmed, repeats), disable=hidden, unit="read") as bar:
        return losses(
            now,
            programmed,
            ideal=ideal,
            time_s=time_s,
            repeats=repeats,
            compensation=compensation,
            higher_is_better=higher_is_better,
            seed=seed,
            on_read=bar.update,
        )


@dataclass(frozen=True)
class _Case:
    """Part of a network on devices, or all of it with part of what is wrong with them."""

    layer: str
    nonideality: str
    programmed: ProgrammedNetwork
    repeats: int


def _cases(programmed: ProgrammedNetwork, repeats: int) -> Iterator[_Case]:
    yield _Case(ALL, ALL, programmed, repeats)
    for name in programmed.nonidealities:
        yield _Case(ALL, name, programmed.suffering_from(name), _draws(name, repeats))
    for layer in programmed.layers:
        yield _Case(layer, ALL, programmed.only(layer), repeats)


def _draws(nonideality: str, repeats: int) -> int:
    return 1 if nonideality == _NOTHING_DRAWN else repeats


def reads_of(programmed: ProgrammedNetwork, repeats: int) -> int:
    """How often `losses` will score the network."""
    of_nonidealities = sum(_draws(name, repeats) for name in programmed.nonidealities)
    return repeats * (1 + len(programmed.layers)) + of_nonidealities


def losses(
    score: Callable[[], float],
    programmed: ProgrammedNetwork,
    *,
    ideal: float,
    time_s: float,
    repeats: int,
    compensation: Compensation,
    higher_is_better: bool,
    seed: int,
    on_read: Callable[[], None],
) -> pd.DataFrame:
    """The data frame of `sensitivity`.

    Args:
        score: what the network scores as it computes now.
        programmed: the means to program and read it.
        ideal: what it scores without devices.
        time_s: s since programming.
        repeats: devices drawn anew.
        compensation: for drift.
        higher_is_better: of the score.
        seed: fixes the devices of every repeat.
        on_read: called after every score.

    Raises:
        InputError: the hardware does not have such a compensation.
    """
    rows = []
    for case in _cases(programmed, repeats):
        reads = read_over_time(
            lambda: {"score": score()},
            case.programmed,
            times_s=(time_s,),
            repeats=case.repeats,
            compensation=(compensation,),
            seed=seed,
            on_read=on_read,
        )
        scores = [read.scores["score"] for read in reads]
        mean = fmean(scores)
        loss = ideal - mean if higher_is_better else mean - ideal
        spread = stdev(scores) if len(scores) > 1 else 0.0
        rows.append((case.layer, case.nonideality, mean, loss, spread))
    frame = pd.DataFrame(rows, columns=["layer", "nonideality", "score", "loss", "std"])
    return frame.sort_values("loss", ascending=False, kind="stable", ignore_index=True)
