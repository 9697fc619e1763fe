"""The shape of a sweep file."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from imc_grapes.config.schema.section import Section

_SHOWN = 100

Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _are_seeds(value: Any) -> Any:
    """One sentence for what either kind of value may be."""
    whole = [
        one for one in (value if isinstance(value, list | tuple) else [value]) if type(one) is int
    ]
    listed = isinstance(value, list | tuple)
    if listed and value and len(whole) == len(value) and all(0 <= one < 2**32 for one in whole):
        return tuple(value)
    if not listed and whole and value >= 1:
        return value
    raise ValueError(
        "must be how many, 1 or more, or a list of seeds, each a whole number from 0 to 4,294,967,295 "
        f"(got {repr(value)[:_SHOWN]})"
    )


Seeds = Annotated[
    Annotated[int, Field(ge=1)] | Annotated[tuple[Seed, ...], Field(min_length=1)],
    BeforeValidator(_are_seeds),
]


class ScaleConfig(Section):
    """Another size of the same sweep, chosen with ``--set scale=NAME``: what it names replaces what the file says."""

    set: dict[str, Any] = Field(default={})
    """Keys of the base config, as dotted paths."""
    cases: dict[str, dict[str, Any]] | None = None
    """Replaces the cases."""
    grid: dict[str, Any] | None = None
    """Replaces the grid."""
    tune: dict[str, Any] | None = None
    """Replaces what is tuned, and over which values."""
    seeds: Seeds | None = None
    """Replaces the seeds."""


class SweepConfig(Section):
    """What `imc-grapes sweep` reads. Keys are dotted paths into a run config, such as training.optimizer.lr."""

    base: str = Field(min_length=1)
    """The run config that every trial starts from; its path is relative to the sweep file."""
    question: str | None = None
    """What the sweep is to answer, in the user's words; it heads the report."""
    cases: dict[str, dict[str, Any]] = Field(default={})
    """Named variants, each setting several keys at once."""
    zip: dict[str, Any] = Field(default={})
    """Keys that move together: the lists must be of one length."""
    grid: dict[str, Any] = Field(default={})
    """Every combination: per key a list, {linspace: [start, stop, count]}, {logspace: [start, stop, count]}, or a
    mapping of names to values, where the name labels the value in tables and charts."""
    side_by_side: tuple[str, ...] = ()
    """Keys of the grid that are shown side by side, as device configs are, though they decide how the network is
    trained, such as training.optimizer.name: methods are then compared within each of their values."""
    tune: str | dict[str, Any] | None = None
    """The key whose best value each method may choose by its validation score: a key of the grid, or one key with
    its values, or one key with values per case. Null: training.optimizer.lr, if it is in the grid and not side by
    side. Several values need validation data."""
    seeds: Seeds = 1
    """How many seeds, counted up from the base config's, or a list of them."""
    baseline: str | None = None
    """The method that the others are tested against; null: the first. Where it is a case, all cases are methods, even
    if they differ in the device alone."""
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """A difference from the baseline below it does not matter: reports call a method equivalent where two one-sided
    tests at 5 % put it within. In the unit that is shown; null: 0.5 points of accuracy, 0.05 nats per time step (the
    least that published networks are apart by on the chorales), a perplexity of 1 (about 1 % of published ones)."""
    scales: dict[str, ScaleConfig] = Field(default={})
    """Other sizes of the sweep, by name."""
    max_trials: int = Field(default=100_000, ge=1)
    """A sweep of more trials than this is refused before they are planned."""
    resources: dict[str, Annotated[float, Field(gt=0)]] = Field(default={})
    """What a trial takes of a worker's Dask resources, such as {GPU: 1}; with `--scheduler` only, where the workers
    say what they have."""
