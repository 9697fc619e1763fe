"""The four pictures of a device model to look at first.

A training model shows its pulse response, the error of programming by SET pulses, drift and read
noise; inference statistics show programming error, drift exponents, drift and read noise. All
points are simulated with the model itself.
"""

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from device_models import (
    ConductanceDrift,
    FaultMap,
    InferenceStatistics,
    ProgrammingNoise,
    PulsedDevices,
    TrainingModel,
)
from device_models.presets import find_preset
from kernels.errors import InputError

SUFFIXES = (".png", ".svg", ".pdf", ".html")

_DEVICES = 10_000
_SEED = 0
_LEVELS = (0.05, 0.2, 0.4, 0.7, 1.0)
_TIMES_S = np.geomspace(1.0, 1e10, 81)
_YEAR_S = 3.15576e7
_CALENDAR = {"hour": 3.6e3, "day": 8.64e4, "month": 2.63e6, "year": _YEAR_S, "century": 3.156e9}
_DECADES = range(0, 11, 2)
_DECADE_LABELS = ["1", "100", "1e4", "1e6", "1e8", "1e10"]
_PULSES = 60
_TRACES = 6

_BLUE, _GREY, _INK = "#1f5f8b", "#8a949c", "#1d2730"
_SEQUENCE = ["#b8432f", "#d98a3d", "#7fa650", "#2f8f9d", "#274b7a"]
_WIDTH, _HEIGHT = 360, 250
_PNG_SCALE = 2.0

Array = NDArray[np.float32]


def save_device_pictures(name: str, file: Path) -> None:
    """Draw the pictures of a named device model into one file.

    Args:
        name: of a preset, see `device_models.presets`.
        file: where to, ending in .png, .svg, .pdf or .html; an existing file is overwritten.

    Raises:
        InputError: there is no such preset, the suffix is another, or the file cannot be written.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"plot file {file}: must end in one of {', '.join(SUFFIXES)}")
    chart = device_pictures(name)
    try:
        if suffix == ".html":
            # The page must work offline, so its scripts go into the file.
            chart.save(str(file), format="html", inline=True)
        elif suffix == ".png":
            chart.save(str(file), format="png", scale_factor=_PNG_SCALE)
        else:
            chart.save(str(file), format=suffix[1:])
    except OSError as error:
        raise InputError(f"plot file {file}: cannot be written: {error}") from None


def device_pictures(name: str) -> alt.TopLevelMixin:
    """The four pictures of a named device model, as one chart.

    Args:
        name: of a preset.

    Raises:
        InputError: there is no such preset.
    """
    preset = find_preset(name)
    model = preset.build()
    pictures = _of_training(model) if isinstance(model, TrainingModel) else _of_statistics(model)
    heading = alt.Title(
        preset.name,
        subtitle=[
            f"{preset.title[0].upper()}{preset.title[1:]}; g_max = {model.g_max_uS:g} µS. "
            f"{_DEVICES:,} simulated devices per point."
        ],
        fontSize=19,
        subtitleFontSize=13,
        subtitleColor=_GREY,
        anchor="start",
        offset=18,
    )
    return (
        alt.concat(*pictures, columns=2, spacing=46, title=heading)
        .resolve_scale(color="independent")
        .configure(font="Helvetica, Arial, sans-serif", padding=22, background="white")
        .configure_view(stroke=None)
        .configure_title(fontSize=14, anchor="start", frame="group", color=_INK, offset=10)
        .configure_axis(
            gridColor="#e7eaec",
            domainColor=_GREY,
            tickColor=_GREY,
            labelColor=_INK,
            titleColor=_INK,
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelFontSize=11, titleFontSize=11, titleFontWeight="normal")
    )


def _of_statistics(model: InferenceStatistics) -> list[alt.LayerChart]:
    targets = np.linspace(0.0, model.g_max_uS, 51)
    grid = np.repeat(targets[:, None], _DEVICES, axis=1)
    state = model.program(grid, _SEED)
    errors = state.g_programmed_uS - grid.astype(np.float32)
    levels = np.repeat(np.array(_LEVELS)[:, None] * model.g_max_uS, _DEVICES, axis=1)
    start = model.program(levels, _SEED)
    reads = model.read_series(start, list(_TIMES_S), _SEED)

    quiet = model.model_copy(
        update={"programming": ProgrammingNoise(scale=0.0), "drift": ConductanceDrift(scale=0.0)}
    )
    noise = {
        label: quiet.read(quiet.program(grid, _SEED), time_s, _SEED)
        for label, time_s in (("25 s", 25.0), ("a day", 8.64e4), ("a year", _YEAR_S))
    }
    return [
        _programming(
            targets,
            errors,
            f"Programming leaves a std of up to {errors.std(axis=-1).max():.2f} µS",
        ),
        _exponents(targets[1:], state.nu[1:]),
        _drift(levels[:, 0], reads, "programming"),
        _read_noise(targets[1:], {key: g[1:] for key, g in noise.items()}, "programming"),
    ]


def _of_training(model: TrainingModel) -> list[alt.LayerChart]:
    devices = model.new_devices(_DEVICES, _SEED)
    response = [devices.g_uS]
    for pulse in range(_PULSES):
        devices = model.set_pulses(devices, 1, _SEED + 1 + pulse)
        response.append(devices.g_uS)
    g = np.stack(response)

    targets = np.linspace(0.0, model.g_max_uS, 54)[1:]
    level_values = np.array(_LEVELS) * model.g_max_uS
    levels = _holding(model, np.repeat(level_values[:, None], _DEVICES, axis=1))
    reads: Array = np.stack(
        [model.read(levels, _SEED + k, t if model.drifts else None) for k, t in enumerate(_TIMES_S)]
    )
    grid = _holding(model, np.repeat(targets[:, None], _DEVICES, axis=1))
    noise = model.read(grid, _SEED, 38.6 if model.drifts else None)
    errors = _best_of_pulses(g, targets)
    return [
        _pulse_response(g, model.g_max_uS),
        _programming(
            targets,
            errors,
            f"SET pulses with verify are {np.abs(errors).mean():.2f} µS off on average",
        ),
        _drift(level_values, reads, "the last pulse"),
        _read_noise(targets, {"one read": noise}, "the last pulse"),
    ]


def _holding(model: TrainingModel, g_uS: NDArray[np.float64]) -> PulsedDevices:
    none_stuck = np.empty(0, np.int64)
    state = model.fresh_state(g_uS.size, _SEED).reshape(len(model.state_rows), *g_uS.shape)
    return PulsedDevices(g_uS.astype(np.float32), state, FaultMap(none_stuck, none_stuck))


def _best_of_pulses(response: Array, targets: NDArray[np.float64]) -> Array:
    """Error left when each device gets SET pulses, 60 at most, until it is at the target or above."""
    errors = []
    for target in targets:
        reached = response >= target
        first = np.where(reached.any(axis=0), reached.argmax(axis=0), response.shape[0] - 1)
        errors.append(np.take_along_axis(response, first[None, :], axis=0)[0] - target)
    return np.stack(errors).astype(np.float32)


def _bands(x: NDArray[np.float64], values: Array) -> pd.DataFrame:
    """Mean, std and the central 80 % of values `[x, devices]`."""
    v = values.astype(np.float64)
    low, high = np.quantile(v, [0.1, 0.9], axis=-1)
    return pd.DataFrame(
        {"x": x, "mean": v.mean(axis=-1), "std": v.std(axis=-1), "low": low, "high": high}
    )


def _layers(*charts: alt.Chart, title: str) -> alt.LayerChart:
    return alt.layer(*charts).properties(width=_WIDTH, height=_HEIGHT, title=title)


def _pulse_response(g: Array, g_max_uS: float) -> alt.LayerChart:
    pulses = np.arange(g.shape[0], dtype=float)
    table = _bands(pulses, g)
    traces = pd.DataFrame(
        {
            "x": np.tile(pulses, _TRACES),
            "g": g[:, :_TRACES].T.reshape(-1),
            "device": np.repeat(np.arange(_TRACES), pulses.size),
        }
    )
    half = np.flatnonzero(table["mean"] >= 0.5 * g_max_uS)
    message = (
        f"Half of g_max takes {half[0]} SET pulses on average"
        if half.size
        else f"{_PULSES} SET pulses stay below half of g_max on average"
    )
    x = alt.X("x:Q", title="SET pulses since RESET")
    y_title = "conductance (µS); mean, 80 % band, six devices"
    return _layers(
        alt.Chart(table)
        .mark_area(color=_BLUE, opacity=0.18)
        .encode(x, alt.Y("low:Q", title=y_title), alt.Y2("high:Q")),
        alt.Chart(traces)
        .mark_line(color=_GREY, strokeWidth=0.8, opacity=0.8)
        .encode(x, alt.Y("g:Q"), alt.Detail("device:N")),
        alt.Chart(table).mark_line(color=_BLUE, strokeWidth=2.5).encode(x, alt.Y("mean:Q")),
        title=message,
    )


def _programming(targets: NDArray[np.float64], errors: Array, message: str) -> alt.LayerChart:
    table = _bands(targets, errors)
    x = _conductance_axis("target conductance (µS)", targets)
    y_title = "error (µS); mean and 80 % band"
    return _layers(
        alt.Chart(table)
        .mark_area(color=_BLUE, opacity=0.18)
        .encode(x, alt.Y("low:Q", title=y_title), alt.Y2("high:Q")),
        alt.Chart(pd.DataFrame({"y": [0.0]}))
        .mark_rule(color=_GREY, strokeDash=[3, 3])
        .encode(alt.Y("y:Q")),
        alt.Chart(table).mark_line(color=_BLUE, strokeWidth=2.5).encode(x, alt.Y("mean:Q")),
        title=message,
    )


def _exponents(targets: NDArray[np.float64], nu: Array) -> alt.LayerChart:
    table = _bands(targets, nu)
    first, last = table["mean"].iloc[0], table["mean"].iloc[-1]
    if last == 0.0:
        message = "No device drifts"
    elif first > 1.1 * last:
        message = f"Low conductances drift most: nu falls from {first:.3f} to {last:.3f}"
    else:
        message = f"All conductances drift alike, nu = {last:.3f}"
    x = _conductance_axis("target conductance (µS)", targets)
    return _layers(
        alt.Chart(table)
        .mark_area(color=_BLUE, opacity=0.18)
        .encode(x, alt.Y("low:Q", title="drift exponent nu; mean and 80 % band"), alt.Y2("high:Q")),
        alt.Chart(table).mark_line(color=_BLUE, strokeWidth=2.5).encode(x, alt.Y("mean:Q")),
        title=message,
    )


def _drift(levels: NDArray[np.float64], reads: Array, since: str) -> alt.LayerChart:
    """Conductance `[times, levels, devices]` on logarithmic axes, where a power law is straight."""
    labels = [f"{level:.3g} µS" for level in levels]
    table = pd.concat(
        _bands(_TIMES_S, reads[:, k]).assign(level=label) for k, label in enumerate(labels)
    )
    lowest = 0.2 * float(levels[0])
    table["low"] = table["low"].clip(lower=lowest)
    middle = table[table["level"] == labels[2]]
    left = np.interp(np.log(_YEAR_S), np.log(middle["x"]), middle["mean"]) / levels[2]
    message = (
        f"After a year, {100 * left:.0f} % of {labels[2]} is left"
        if left < 0.995
        else "No drift over ten decades of time"
    )
    marks = pd.DataFrame({"x": list(_CALENDAR.values()), "label": list(_CALENDAR)})
    x = alt.X(
        "x:Q",
        title=f"time since {since} (s)",
        scale=alt.Scale(type="log", domain=[1.0, 1e10], nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in _DECADES],
            labelExpr=f"{_DECADE_LABELS}[round(log(datum.value) / LN10) / 2]",
            grid=False,
        ),
    )
    y_scale = alt.Scale(type="log", domain=[lowest, 1.5 * float(levels[-1])], nice=False)
    y_title = "conductance (µS); mean and 80 % band"
    colour = alt.Color(
        "level:N", sort=labels, scale=alt.Scale(domain=labels, range=_SEQUENCE), legend=None
    )
    ends = table[table["x"] == table["x"].max()]
    return _layers(
        alt.Chart(marks).mark_rule(color="#d5dade", strokeDash=[2, 3]).encode(x),
        alt.Chart(marks)
        .mark_text(align="right", baseline="top", dx=-3, dy=2, fontSize=10, color=_GREY)
        .encode(x, text="label:N", y=alt.value(0)),
        alt.Chart(table)
        .mark_area(opacity=0.16)
        .encode(x, alt.Y("low:Q", title=y_title, scale=y_scale), alt.Y2("high:Q"), colour),
        alt.Chart(table).mark_line(strokeWidth=2.2).encode(x, alt.Y("mean:Q"), colour),
        alt.Chart(ends)
        .mark_text(align="left", dx=6, fontSize=11)
        .encode(x, alt.Y("mean:Q"), colour, text="level:N"),
        title=message,
    )


def _read_noise(
    targets: NDArray[np.float64], reads: dict[str, Array], since: str
) -> alt.LayerChart:
    table = pd.concat(_bands(targets, g).assign(when=label) for label, g in reads.items())
    table["percent"] = 100.0 * table["std"] / table["mean"]
    first = table[table["when"] == next(iter(reads))]
    noisy = float(table["std"].max()) > 1e-4
    if noisy:
        message = (
            f"Read noise: {first['percent'].iloc[-1]:.1f} % at g_max, "
            f"{first['percent'].iloc[0]:.0f} % at {targets[0]:.2g} µS"
        )
        bounds = [0.8 * float(table["percent"].min()), 1.2 * float(table["percent"].max())]
        scale = alt.Scale(type="log", domain=bounds, nice=False)
    else:
        message = "No read noise"
        scale = alt.Scale(domain=[0.0, 1.0])
    colour = alt.Color(
        "when:N",
        sort=list(reads),
        scale=alt.Scale(range=[_SEQUENCE[4], _SEQUENCE[3], _SEQUENCE[1]]),
        title=f"time since {since}",
        legend=alt.Legend(orient="top-right", offset=6) if len(reads) > 1 else None,
    )
    return _layers(
        alt.Chart(table)
        .mark_line(strokeWidth=2.2)
        .encode(
            _conductance_axis("conductance (µS)", targets),
            alt.Y("percent:Q", title="std of a read (% of its mean)", scale=scale),
            colour,
        ),
        title=message,
    )


def _conductance_axis(title: str, targets: NDArray[np.float64]) -> alt.X:
    return alt.X("x:Q", title=title, scale=alt.Scale(domain=[0.0, float(targets[-1])], nice=False))
