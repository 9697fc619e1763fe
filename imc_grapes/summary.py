"""What a run found, key by key as it stands in ``summary.json``; the same class writes it and reads it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from imc_grapes.data.metric import Metric, metric_in, metric_named
from kernels.errors import InputError


class _Part(BaseModel):
    """A section of the summary, whose keys are all known."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True
    )


class DriftPoint(BaseModel):
    """Test score at one time since programming; each of `beside` is a further key of the point too."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="allow", use_attribute_docstrings=True
    )
    __pydantic_extra__: dict[str, float]

    time_s: float
    """Time since programming, in seconds."""
    compensation: Literal["none", "global", "column"]
    """How drift was met when the network was read."""
    mean: float
    """Over the repeats, as the metric is measured."""
    std: float
    """Sample standard deviation over the repeats; 0 of a single one."""
    beside: Mapping[str, float] = {}
    """Means of the scores that are reported beside the metric, by name, such as ``nll_per_chorale``."""


class StepCost(_Part):
    """What one training step in place takes on the chip: reads, gradient, and what the rule adds.

    From the constants of `crossbar.costs`, by the pulses that an update of this training took on average and the
    conductances that it ended with.
    """

    energy_low_pJ: float
    """Low estimate."""
    energy_pJ: float
    """Typical."""
    energy_high_pJ: float
    """High estimate."""
    own_energy_pJ: float
    """What the rule itself takes of the typical energy."""
    time_ns: float
    """Typical, part after part."""


class Angle(_Part):
    """The angle between two updates, in degrees; None where one of them is zero."""

    whole_deg: float | None
    """Of all weights as one vector."""
    layers_deg: Mapping[str, float | None]
    """Of each layer's weights, by its name."""


class AlignmentAngles(_Part):
    """How far GRAPES and the error transport turn the gradient of one training batch."""

    modulation: Angle | None
    """With GRAPES against without it, under the same error transport; None without GRAPES."""
    transport: Angle | None
    """Of the error transport against backpropagation, without GRAPES; None under backpropagation."""
    both: Angle | None
    """With everything against plain backpropagation; None unless there are both."""


class DevicePulseCounts(_Part):
    """How many pulses of one kind the devices have had, their writes and refreshes included."""

    total: int
    """Of all devices."""
    mean: float
    """Per device."""
    largest: int
    """Of one device."""
    quantiles: Mapping[str, int]
    """Share of the devices, such as ``0.99``, to the number of pulses that this share of them has not exceeded."""


class Lifetime(_Part):
    """Updates until a device has had as many pulses as its endurance, at low, typical and high endurance."""

    low: float
    """At the lowest endurance that is published."""
    typical: float
    """Between the two."""
    high: float
    """At the highest."""


class Wear(_Part):
    """What a run did to its devices, up to the epoch whose weights were kept."""

    updates: int
    """Of the weights."""
    set_pulses: DevicePulseCounts
    """SET pulses of the devices."""
    reset_pulses: DevicePulseCounts
    """RESET pulses of the devices."""
    pulses_per_update_mean: float | None
    """SET and RESET pulses of a device in one update, without the write of the initial weights: mean over the devices;
    None where nothing was trained."""
    pulses_per_update_largest: float | None
    """The same of the device that had most."""
    lifetime_updates_mean: Lifetime | None
    """Of a device at the mean rate; None where no pulse was sent."""
    lifetime_updates_largest: Lifetime | None
    """Of the device that had most: until the first one is worn out."""
    lifetime_assumption: str
    """In words: what the lifetimes assume."""


class Summary(BaseModel):
    """Everything a run found that its config and seed decide.

    A key that the file does not have, since it is older or the measure is not one of its network, has its default here
    and is not written again. A key that this version does not know is kept as it is.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="allow", use_attribute_docstrings=True
    )

    name: str = ""
    """Of the run, as its config says."""
    seed: int | None = None
    """Everything is drawn from it."""
    config_hash: str | None = None
    """Identity of the config, and of the files that it names."""
    hardware: str | None = None
    """In words: what holds the weights, and what of the circuits is simulated."""
    versions: Mapping[str, str] = {}
    """Of Python and of each package that can change a result."""
    device: Literal["cpu", "cuda"] | None = None
    """That torch computed on; None of before there was a choice: cpu."""
    threads: int | None = None
    """Of the CPU; None of before there was a choice: 1."""
    reproducible: bool | None = None
    """Whether the same config gives the same numbers again."""
    reproducible_why: str | None = None
    """In words: the reason."""
    metric: str | None = None
    """Name of the figure of merit, see `imc_grapes.data.metric`; None: the one that `scores` holds."""
    scores: Mapping[str, float | None]
    """In the file, keys of their own: ``test_accuracy``, ``validation_accuracy``, ``test_nll_per_chorale`` and so on.

    As the metric is measured: accuracy as a fraction, NLL in nats. Test scores are of the trained network, before any
    drift; the validation score is None without validation data.
    """
    task_accuracies: Sequence[Sequence[float]] | None = None
    """``[tasks, tasks]``, fractions: in row k, on every task, after task k was trained; None of a single task."""
    average_accuracy: float | None = None
    """Mean over all tasks after the last one was trained, a fraction; None of a single task."""
    forgetting: float | None = None
    """Mean over the earlier tasks of the best accuracy less that at the end, a fraction; None of a single task."""
    slowness: float | None = None
    """Epochs to half of `accuracy_max`, fitted to the test accuracy; None where there is no fit."""
    slowness_error: float | None = None
    """Standard error of `slowness`, in epochs."""
    accuracy_max: float | None = None
    """What the fitted test accuracy tends to, a fraction."""
    slowness_rmse: float | None = None
    """Root mean square of what the fit leaves, a fraction."""
    epochs_to_target: int | None = None
    """Epochs until the validation accuracy first reached the target; None: it did not, or there is no target."""
    epoch: int | None = None
    """Whose weights were kept, counted from 1; 0: nothing was trained."""
    train_loss: float | None = None
    """Mean over that epoch, while the weights were changing; None where nothing was trained."""
    spikes_per_step: Mapping[str, float] = {}
    """Layer of spiking units to the spikes of a unit in a time step."""
    read_energy_pJ_per_step: Mapping[str, float] | None = None
    """Low, typical, high estimate for all weight matrices, in pJ per time step; None of a network without time."""
    optimizer_state_bytes: int | None = None
    """What the optimizer keeps between two updates, in bytes, as measured."""
    optimizer_state_bytes_closed_form: int | None = None
    """The same by its formula, in bytes."""
    grapes_transient_numbers: int | None = None
    """Importance factors that GRAPES holds during an update; 0 without GRAPES."""
    alignment_angle_deg: AlignmentAngles | None = None
    """None under plain backpropagation."""
    drift: Sequence[DriftPoint] = ()
    """A point per time and compensation, sorted by both; empty where nothing drifts."""
    no_drift_why: str | None = None
    """In words: why there is no test at a later time; None where there is one, or nothing could drift."""
    pcm_devices: int | None = None
    """That hold weights; None where the weights lie on no PCM."""
    missed_writes: Mapping[str, int] | None = None
    """`program` and `refresh` to the device pairs that their pulses left short; None without PCM tiles."""
    wear: Wear | None = None
    """Pulses of each device; None where they are not counted (``hardware.wear``)."""
    step_cost: StepCost | None = None
    """None where no devices were trained in place and read."""
    feedback_weights: int | None = None
    """Fixed random weights of the error transport; 0 under backpropagation."""
    feedback_devices: int | None = None
    """Devices that hold them, beside those of the weights; None where training does not happen on devices."""

    @model_validator(mode="after")
    def _has_its_score(self) -> Self:
        try:
            metric = self.measured_by
        except KeyError:
            raise ValueError("has no test score of a known metric") from None
        if self.scores.get(f"test_{metric.name}") is None:
            raise ValueError(f"has no test_{metric.name}")
        return self

    @classmethod
    def of(cls, values: Any, where: object = "summary") -> Self:
        """From the decoded JSON of a summary.

        Args:
            values: with the keys of ``summary.json``.
            where: they come from, for the message.

        Raises:
            InputError: they are no summary of a run.
        """
        if not isinstance(values, dict):
            raise InputError(f"{where}: is no summary of a run (no JSON object)")
        scores = {key: value for key, value in values.items() if _is_score(key)}
        others = {key: value for key, value in values.items() if key not in scores}
        try:
            return cls.model_validate({**others, "scores": scores})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"] if part != "scores")
            said = f"{key}: {first['msg']}" if key else first["msg"]
            raise InputError(f"{where}: is no summary of a run ({said})") from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """From the file ``summary.json`` of a run.

        Raises:
            InputError: it cannot be read, or is none.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
        return cls.of(values, path)

    def as_dict(self) -> dict[str, Any]:
        """Plain values with the keys of ``summary.json``, in its order."""
        plain: dict[str, Any] = {}
        for key, value in self.model_dump(exclude_unset=True).items():
            plain |= value if key == "scores" else {key: value}
        return plain

    @property
    def measured_by(self) -> Metric:
        """The figure of merit that `score` is of."""
        return metric_named(self.metric) if self.metric else metric_in(self.scores)

    @property
    def score(self) -> float:
        """Test score of the trained network, before any drift."""
        score = self.scores[f"test_{self.measured_by.name}"]
        assert score is not None
        return score

    @property
    def validation_score(self) -> float | None:
        """Of the trained network; None without validation data."""
        return self.scores.get(f"validation_{self.measured_by.name}")


def _is_score(key: str) -> bool:
    return key.startswith(("test_", "validation_"))
