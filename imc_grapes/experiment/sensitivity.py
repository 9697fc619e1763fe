"""What a finished run loses by each layer alone on devices, by each nonideality alone, and by all together."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossbar.drift_compensation import Compensation
from imc_grapes.config import RunConfig
from imc_grapes.config.hardware_words import hardware_in_words
from imc_grapes.config.schema import DigitalHardware, EvaluationConfig
from imc_grapes.data.metric import Metric
from imc_grapes.evaluate.batch_norm import recalibrated
from imc_grapes.evaluate.sensitivity import losses, reads_of
from imc_grapes.experiment.assemble import programmable, why_no_drift
from imc_grapes.experiment.calibration import calibration_batches
from imc_grapes.experiment.listener import Listener
from imc_grapes.experiment.restore import FinishedRun
from imc_grapes.training.loop import Interrupted
from kernels.errors import InputError


@dataclass(frozen=True)
class RunSensitivity:
    """The table of one run, and how it came about."""

    name: str
    hardware: str
    """In words."""
    metric: Metric
    ideal: float
    """Test score without devices; on tiles trained in place, of the devices as they are now."""
    frame: pd.DataFrame
    """As `imc_grapes.sensitivity` returns it, of the test score."""
    time_s: float
    compensation: Compensation
    repeats: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "hardware": self.hardware,
            "metric": f"test_{self.metric.name}",
            "higher_is_better": self.metric.higher_is_better,
            "without_devices": self.ideal,
            "time_s": self.time_s,
            "compensation": self.compensation,
            "repeats": self.repeats,
            "seed": self.seed,
            "rows": self.frame.to_dict(orient="records"),
        }


def refuse_without_devices(config: RunConfig) -> None:
    """Refuse hardware that has no devices to be read at a later time.

    Raises:
        InputError: it is of that kind.
    """
    hardware = config.hardware
    if isinstance(hardware, DigitalHardware) and hardware.statistics is None:
        raise InputError(
            "hardware.statistics: digital weights lie on no devices, and there is nothing that they could suffer from; "
            "choose devices, as in --set hardware.statistics.preset=pcm_nandakumar2019"
        )
    if why := why_no_drift(hardware):
        raise InputError(f"hardware: cannot be read at a later time: {why}")


def usual_compensation(evaluation: EvaluationConfig) -> Compensation:
    """The kind of a run's drift compensation to look at where only one is: global, if it is among them."""
    kinds = evaluation.drift_compensation
    return "global" if "global" in kinds else kinds[-1]


def measure_sensitivity(
    run: FinishedRun,
    *,
    time_s: float,
    repeats: int,
    compensation: Compensation,
    seed: int,
    listener: Listener,
) -> RunSensitivity:
    """Score the network of a run on the test set, again and again with something else on devices.

    Batch normalisation is fixed or recalibrated as the run's config has it.

    Args:
        run: the run.
        time_s: s since programming, or since the last update.
        repeats: devices drawn anew.
        compensation: for drift.
        seed: fixes the devices.
        listener: told of progress, and asked whether to stop.

    Raises:
        InputError: the hardware has no devices that drift, or no such compensation.
        Interrupted: the listener asked to stop.
    """
    config, trainer = run.config, run.trainer
    refuse_without_devices(config)
    programmed = programmable(trainer.model, config.hardware, config.evaluation)
    assert programmed is not None
    programmed.check((compensation,))
    metric = trainer.task.metric
    again = config.evaluation.batch_norm == "recalibrated"
    samples = config.evaluation.calibration_samples
    batches = calibration_batches(trainer.dataset, samples) if again else []

    def ideal() -> float:
        return trainer.task.scores(trainer.model, trainer.dataset.test)[metric.name]

    def score() -> float:
        if not again:
            return ideal()
        with recalibrated(trainer.model, batches):
            return ideal()

    def on_read() -> None:
        listener.step()
        if listener.stop_requested():
            raise Interrupted

    listener.stage("sensitivity", reads_of(programmed, repeats))
    with programmed.digital():
        without = ideal()
    frame = losses(
        score,
        programmed,
        ideal=without,
        time_s=time_s,
        repeats=repeats,
        compensation=compensation,
        higher_is_better=metric.higher_is_better,
        seed=seed,
        on_read=on_read,
    )
    return RunSensitivity(
        name=config.name,
        hardware=hardware_in_words(config.hardware.model_dump(mode="json")),
        metric=metric,
        ideal=without,
        frame=frame,
        time_s=time_s,
        compensation=compensation,
        repeats=repeats,
        seed=seed,
    )
