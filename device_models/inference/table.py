"""Statistics straight from measurements: a CSV of what devices programmed to a target came out as.

Columns: `g_target_uS`; `mean_uS`, `std_uS` of the programmed conductance; `nu_mean`, `nu_std` of the
drift exponent; either pair may be left out. One row per target, in increasing order. Between rows all
are interpolated linearly. A target outside the table is an error: nothing was measured there.
"""

import io
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from device_models.parameters import Parameters
from kernels.bounded_file import MEBIBYTE, read_bounded
from kernels.errors import InputError
from kernels.table_draw import draw_from_table

Array = NDArray[np.float32]
Column = tuple[float, ...]
TARGET_COLUMN = "g_target_uS"
PROGRAMMING_COLUMNS = ("mean_uS", "std_uS")
DRIFT_COLUMNS = ("nu_mean", "nu_std")

_EXPECTED = (
    f"expected a CSV with the columns {TARGET_COLUMN} and {', '.join(PROGRAMMING_COLUMNS)}, or "
    f"{', '.join(DRIFT_COLUMNS)}, or all of them"
)
_MOST_BYTES = MEBIBYTE
_MOST_NAMED, _MOST_LETTERS, _LONGEST_MESSAGE = 8, 40, 500


class _Table(Parameters):
    g_target_uS: Column = Field(min_length=2)
    """Target conductances, µS, strictly increasing."""

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if self.g_target_uS[0] < 0.0 or (np.diff(self.g_target_uS) <= 0.0).any():
            raise ValueError(
                "g_target_uS must be 0 or more and strictly increasing "
                f"(got {list(self.g_target_uS)})"
            )
        return self

    def _interpolated(self, g_target: Array, mean: Column, std: Column, key: np.uint64) -> Array:
        low, high = self.g_target_uS[0], self.g_target_uS[-1]
        if g_target.size and (g_target.min() < low or g_target.max() > np.float32(high)):
            raise InputError(
                f"g_target_uS: the table holds targets from {low} to {high} µS "
                f"(got {g_target.min()} to {g_target.max()} µS)"
            )
        knots, means, stds = (
            np.array(column, np.float32) for column in (self.g_target_uS, mean, std)
        )
        return draw_from_table(g_target, knots, means, stds, key)


class TableProgramming(_Table):
    """Programming error from measured columns."""

    source: ClassVar[str] = "the user's measurements"

    kind: Literal["table"] = "table"
    """table: programming error as measured at a few targets."""
    mean_uS: Column
    """Mean programmed conductance at each target, µS."""
    std_uS: Column
    """Standard deviation of the programmed conductance at each target, µS."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_column("mean_uS", self.mean_uS, len(self.g_target_uS), float("inf"))
        _check_column("std_uS", self.std_uS, len(self.g_target_uS), float("inf"))
        return self

    def program(
        self,
        g_target: Array,
        g_max_factor: Array,
        g_max_uS: float,
        headroom: float,
        key: np.uint64,
    ) -> Array:
        """Programmed conductances, µS; arguments as `kernels.programming.program`.

        Raises:
            InputError: a target lies outside the table.
        """
        g = self._interpolated(g_target, self.mean_uS, self.std_uS, key)
        limit = np.float32(headroom * g_max_uS) * g_max_factor
        return np.clip(g, np.float32(0.0), limit, out=g)


class TableDrift(_Table):
    """Drift exponents from measured columns."""

    source: ClassVar[str] = "the user's measurements"

    kind: Literal["table"] = "table"
    """table: drift exponents as measured at a few targets."""
    nu_mean: Column
    """Mean drift exponent at each target, in [0, 1]."""
    nu_std: Column
    """Standard deviation of the drift exponent at each target, in [0, 1]."""
    t0_s: float = Field(default=20.0, gt=0.0)
    """Time after programming at which the programmed conductance was measured, s."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _check_column("nu_mean", self.nu_mean, len(self.g_target_uS), 1.0)
        _check_column("nu_std", self.nu_std, len(self.g_target_uS), 1.0)
        return self

    def exponents(
        self,
        g_target: Array,
        g_max_factor: Array,
        nu_factor: Array,
        g_max_uS: float,
        key: np.uint64,
    ) -> Array:
        """One nu per device, `nu_factor |N(nu_mean, nu_std)|`.

        Raises:
            InputError: a target lies outside the table.
        """
        nu = self._interpolated(g_target, self.nu_mean, self.nu_std, key)
        return np.multiply(np.abs(nu, out=nu), nu_factor, out=nu)


def read_table(path: Path, t0_s: float = 20.0) -> tuple[TableProgramming | None, TableDrift | None]:
    """Read a CSV of measured statistics.

    Args:
        path: the file.
        t0_s: time after programming at which the conductances of the table were measured, s.

    Returns:
        The programming model and the drift model, each if the table has its columns; one of them is
        always there.

    Raises:
        InputError: the file cannot be read, a column is missing, unknown, not numeric, unsorted or
            out of range; the message names the file and the column.
    """
    import pandas as pd  # half a second to import, and few need it

    try:
        content = read_bounded(path, _MOST_BYTES)
    except OSError as error:
        raise InputError(f"table {path}: cannot be read: {error.strerror}") from None
    try:
        frame = pd.read_csv(io.BytesIO(content), skipinitialspace=True)
    except (ValueError, OverflowError) as error:
        raise InputError(f"table {path}: is no CSV: {type(error).__name__}; {_EXPECTED}") from None
    has_drift = any(name in frame.columns for name in DRIFT_COLUMNS)
    has_programming = not has_drift or any(name in frame.columns for name in PROGRAMMING_COLUMNS)
    wanted = (
        TARGET_COLUMN,
        *(PROGRAMMING_COLUMNS if has_programming else ()),
        *(DRIFT_COLUMNS if has_drift else ()),
    )
    missing = [name for name in wanted if name not in frame.columns]
    unknown = [str(name) for name in frame.columns if name not in wanted]
    if TARGET_COLUMN in missing:
        # Whatever the file is, it is no table, and its content is not for a message.
        raise InputError(f"table {path}: has no column {TARGET_COLUMN}; {_EXPECTED}")
    if missing or unknown:
        raise InputError(
            f"table {path}: missing columns {missing}, unknown columns "
            f"{[name[:_MOST_LETTERS] for name in unknown[:_MOST_NAMED]]}; {_EXPECTED}"
        )
    for name in wanted:
        if frame[name].dtype.kind not in "if" or frame[name].isna().any():
            raise InputError(f"table {path}: column {name} holds something that is not a number")
    columns = {name: tuple(frame[name].astype(float)) for name in wanted}
    programming, drift = None, None
    try:
        if has_programming:
            of_programming = (TARGET_COLUMN, *PROGRAMMING_COLUMNS)
            programming = TableProgramming.of({name: columns[name] for name in of_programming})
        if has_drift:
            of_drift = {name: columns[name] for name in (TARGET_COLUMN, *DRIFT_COLUMNS)}
            drift = TableDrift.of({**of_drift, "t0_s": t0_s})
    except InputError as error:
        raise InputError(f"table {path}: {str(error)[:_LONGEST_MESSAGE]}") from None
    return programming, drift


def _check_column(name: str, values: Column, length: int, high: float) -> None:
    if len(values) != length:
        raise ValueError(f"{name} must have one value per target, {length} (got {len(values)})")
    if min(values) < 0.0 or max(values) > high:
        raise ValueError(f"{name} must lie in [0, {high}] (got {list(values)})")
