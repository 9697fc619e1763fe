"""What a model of one's own scores on devices, now and later."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, get_args

import pandas as pd
from torch import nn
from tqdm.auto import tqdm

from crossbar.calibration_batches import refuse_one_tensor
from crossbar.drift_compensation import Compensation, CompensationRead
from crossbar.module_modes import modes_kept
from imc_grapes.evaluate.any_model import Statistics, on_devices
from imc_grapes.evaluate.batch_norm import recalibrated
from imc_grapes.evaluate.over_time import STANDARD_TIMES_S, read_over_time
from imc_grapes.evaluate.programmed_arrays import ProgrammedArrays
from kernels.errors import InputError

Score = Callable[[nn.Module], float]


@dataclass(frozen=True)
class DriftResult:
    """Scores over time.

    Attributes:
        frame: a row per repeat, time and compensation: *time_s*, *compensation*, *repeat*, *score*.
        digital_score: of the model without devices and circuits; None for one that lies on tiles.
    """

    frame: pd.DataFrame
    digital_score: float | None

    def summary(self) -> pd.DataFrame:
        """Mean, standard deviation and number of repeats per time and compensation."""
        groups = self.frame.groupby(["time_s", "compensation"])["score"]
        return groups.agg(["mean", "std", "count"]).reset_index()

    def plot(self) -> Any:
        """An Altair chart: the mean score over time with the repeats' lowest and highest."""
        import altair as alt  # takes a second, and a script without pictures need not wait for it

        x = alt.X("time_s:Q", scale=alt.Scale(type="symlog", constant=10), title="time (s)")
        color = alt.Color("compensation:N", title="drift compensation")
        base = alt.Chart(self.frame)
        zero = alt.Scale(zero=False)
        band = base.mark_area(opacity=0.2).encode(
            x=x,
            y=alt.Y("min(score):Q", scale=zero, title="score"),
            y2="max(score):Q",
            color=color,
        )
        line = base.mark_line(point=True).encode(
            x=x, y=alt.Y("mean(score):Q", scale=zero), color=color
        )
        layers = [band, line]
        if self.digital_score is not None:
            at = pd.DataFrame({"score": [self.digital_score]})
            layers.append(alt.Chart(at).mark_rule(strokeDash=[4, 4]).encode(y="score:Q"))
        return alt.layer(*layers)


def evaluate_drift(
    model: nn.Module,
    score: Score,
    *,
    statistics: Statistics = None,
    times_s: Iterable[float] = STANDARD_TIMES_S,
    repeats: int = 10,
    compensation: Sequence[Compensation] = ("none", "global"),
    calibration: Iterable[Any] | None = None,
    compensation_read: CompensationRead = "weights",
    read_noise: bool = True,
    exclude: Iterable[str] = (),
    strict: bool = True,
    progress: bool | None = None,
    seed: int = 0,
) -> DriftResult:
    """Score a model on devices at several times after they were programmed.

    A digital model is programmed into differential pairs, weights alone: no converters, no wires, one read per time. A
    model on arrays (``update="software"``) is programmed and computes through all that its config says: split arrays,
    converters, wires, read noise drawn for every input vector. A model on PCM tiles holds what was written or trained
    into them, and is read through its converters. The model is given back as it was.

    Args:
        model: digital, or made by `to_crossbar`.
        score: called with the model to score, in evaluation mode (a copy of a digital one); returns a number.
        statistics: of the devices: a preset's name such as ``"pcm_nandakumar2019"``, its keys as in a config, or an
            object; None, on PCM tiles, for the device model's own drift law, and on arrays for those of its config.
        times_s: s since programming, or since the last update.
        repeats: devices drawn anew.
        compensation: which of ``"none"``, ``"global"`` (one digital factor per array) and ``"column"`` (one per column,
            where the hardware has such factors).
        calibration: batches on which batch normalisation is measured again before every score (adaptive batch
            normalisation); None leaves it as it was trained. Never of the test set.
        compensation_read: what compensation reads; see `crossbar.drift_compensation`.
        read_noise: of arrays, and of PCM tiles under their own law.
        exclude: layers of a digital model that stay digital; see `to_crossbar`.
        strict: refuse weights of a digital model that could not lie on crossbars and are not excluded.
        progress: show a progress bar; None for one in a terminal only.
        seed: fixes the devices; repeat k of two calls with the same seed has the same ones.

    Raises:
        InputError: statistics are missing or have no effect, a time is negative, or a weight cannot lie on crossbars.

    Example:
        >>> import torch
        >>> from imc_grapes import evaluate_drift
        >>> net = torch.nn.Linear(4, 2)
        >>> x = torch.randn(50, 4)
        >>> truth = net(x).argmax(1)
        >>> accuracy = lambda model: float((model(x).argmax(1) == truth).float().mean())
        >>> result = evaluate_drift(net, accuracy, statistics="pcm_nandakumar2019", times_s=(25, 86400), repeats=2)
        >>> list(result.frame.columns), len(result.frame)
        (['time_s', 'compensation', 'repeat', 'score'], 8)

        Through 8-bit converters and arrays of 256 by 256, the columns scaled and compensated one by one:

        >>> from imc_grapes import PCMConfig, to_crossbar
        >>> config = PCMConfig(
        ...     update="software",
        ...     io={"dac_bits": 8, "adc_bits": 8, "out_noise": 0.0},
        ...     array={"rows": 256, "columns": 256, "scale": "column"},
        ...     statistics="pcm_nandakumar2019",
        ... )
        >>> arrays = to_crossbar(net, config)
        >>> result = evaluate_drift(arrays, accuracy, times_s=(86400,), repeats=2, compensation=("none", "column"))
        >>> len(result.frame)
        4
    """
    if not isinstance(times_s, Iterable):
        raise InputError(f"times_s: must be a sequence of times (got {times_s!r})")
    times = [float(time_s) for time_s in times_s]
    _check(times, compensation)
    check_repeats(repeats)
    check_seed(seed)
    batches = calibration_list(calibration)
    scored, programmed = on_devices(
        model,
        statistics,
        exclude=exclude,
        strict=strict,
        compensation_read=compensation_read,
        read_noise=read_noise,
    )
    programmed.check(compensation)
    digital = scored is not model or isinstance(programmed, ProgrammedArrays)

    def now() -> dict[str, float]:
        if batches is None:
            return {"score": in_evaluation_mode(scored, score)}
        with recalibrated(scored, batches):
            return {"score": in_evaluation_mode(scored, score)}

    digital_score = None
    if digital:
        with programmed.digital():
            digital_score = in_evaluation_mode(scored, score)
    with tqdm(total=len(times) * repeats, disable=_hidden(progress), unit="read") as bar:
        reads = read_over_time(
            now,
            programmed,
            times_s=times,
            repeats=repeats,
            compensation=compensation,
            seed=seed,
            on_read=bar.update,
        )
    rows = [(read.time_s, read.compensation, read.repeat, read.scores["score"]) for read in reads]
    frame = pd.DataFrame(rows, columns=["time_s", "compensation", "repeat", "score"])
    return DriftResult(frame, digital_score)


def in_evaluation_mode(model: nn.Module, score: Score) -> float:
    """The score of a model in evaluation mode; the modes of its modules are put back.

    Raises:
        InputError: `score` returns no number.
    """
    with modes_kept(model):
        model.eval()
        value = score(model)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"score: must return a number (got {value!r})") from None


def check_repeats(repeats: int) -> None:
    """Refuse a number of repeats that is none.

    Raises:
        InputError: it is not a whole number of 1 or more.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise InputError(f"repeats: must be a whole number of 1 or more (got {repeats!r})")


def check_seed(seed: Any) -> None:
    """Refuse a seed that is none.

    Raises:
        InputError: it is not a whole number of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed: must be a whole number of 0 or more (got {seed!r})")


def calibration_list(calibration: Iterable[Any] | None) -> list[Any] | None:
    """Calibration batches, read once however often they are used.

    Raises:
        InputError: they are one tensor.
    """
    if calibration is None:
        return None
    refuse_one_tensor(calibration, "calibration")
    return list(calibration)


def _check(times: list[float], compensation: Sequence[str]) -> None:
    if not times or any(not 0.0 <= time_s < float("inf") for time_s in times):
        raise InputError(f"times_s: must be 0 s or more and finite, at least one (got {times})")
    if len(set(times)) < len(times):
        raise InputError(f"times_s: holds a time twice (got {times})")
    allowed = get_args(Compensation)
    if (
        isinstance(compensation, str)
        or not compensation
        or len(set(compensation)) < len(compensation)
        or any(kind not in allowed for kind in compensation)
    ):
        raise InputError(
            f"compensation: must be a tuple with some of {', '.join(map(repr, allowed))} (got {compensation!r})"
        )


def _hidden(progress: bool | None) -> bool | None:
    return None if progress is None else not progress
