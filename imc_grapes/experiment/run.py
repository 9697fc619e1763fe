"""Run one experiment."""

import time
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imc_grapes.config import RunConfig, config_hash
from imc_grapes.config.hardware_words import NOTHING_ELSE, hardware_in_words, is_weights_alone
from imc_grapes.config.identity import file_changes, file_digests
from imc_grapes.config.schema import AihwkitHardware
from imc_grapes.config.versions import versions
from imc_grapes.costs.optimizer_state import closed_form_bytes, measured_bytes
from imc_grapes.costs.step_peak import peak_bytes_of_step
from imc_grapes.costs.tile_activity import LayerUses
from imc_grapes.costs.wear import device_pulses
from imc_grapes.data.load import load_dataset
from imc_grapes.evaluate.batch_norm import recalibrated
from imc_grapes.evaluate.over_time import STANDARD_TIMES_S, read_over_time
from imc_grapes.evaluate.programmed import ProgrammedNetwork
from imc_grapes.experiment.activity import SignalActivity, measure_activity
from imc_grapes.experiment.alignment import measure_alignment
from imc_grapes.experiment.assemble import prepare, programmable, why_no_drift
from imc_grapes.experiment.atomic_file import write_atomically
from imc_grapes.experiment.calibration import calibration_batches
from imc_grapes.experiment.compute import Compute, DeviceName
from imc_grapes.experiment.device_counts import (
    count_feedback,
    count_missed_writes,
    count_pcm_devices,
)
from imc_grapes.experiment.device_wear import measure_wear
from imc_grapes.experiment.drift_points import drift_points
from imc_grapes.experiment.learning import learning_measures
from imc_grapes.experiment.listener import Listener
from imc_grapes.experiment.outcome import Outcome
from imc_grapes.experiment.run_folder import RunFolder
from imc_grapes.experiment.step_cost import step_cost, trained_activity
from imc_grapes.grapes import Grapes
from imc_grapes.summary import AlignmentAngles, DriftPoint, StepCost, Summary
from imc_grapes.training.checkpoint import load_checkpoint, save_checkpoint
from imc_grapes.training.epoch_metrics import EpochMetrics
from imc_grapes.training.loop import Interrupted, Trainer, training_step
from imc_grapes.transport.base import attached_transport
from kernels.errors import InputError


def run_experiment(
    config: RunConfig,
    *,
    data_dir: Path | None = None,
    out_dir: Path | None = None,
    resume: bool = False,
    listener: Listener | None = None,
    device: DeviceName = "cpu",
    threads: int = 1,
) -> Outcome:
    """Train the network of `config`, evaluate it, and measure the memory of its update.

    Args:
        config: what to run.
        data_dir: searched first for data files.
        out_dir: folder for the results and for a checkpoint after every epoch; None keeps everything in memory. A
            folder that already holds the finished run is left as it is, and its outcome returned.
        resume: go on from the checkpoint in `out_dir`, if there is one.
        listener: told of progress, and asked whether to stop.
        device: that torch computes on, "cpu" or "cuda".
        threads: of the CPU. The same config gives the same bytes with the same number of them.

    Raises:
        InputError: the data cannot be read, `out_dir` holds something else or what was computed elsewhere, the
            hardware cannot be computed on `device`, or a file that the config names was changed meanwhile.
        DivergedError: the loss became NaN or infinite.
        Interrupted: the listener asked to stop; with `out_dir`, a checkpoint is written first.
    """
    compute = Compute(device, threads)
    compute.refuse_hardware(config.hardware)
    compute.refuse_missing()
    with compute.limits(), ExitStack() as until_end:
        return _run(config, data_dir, out_dir, resume, listener or Listener(), compute, until_end)


def _run(
    config: RunConfig,
    data_dir: Path | None,
    out_dir: Path | None,
    resume: bool,
    listener: Listener,
    compute: Compute,
    until_end: ExitStack,
) -> Outcome:
    started = datetime.now(UTC)
    clock = time.perf_counter()
    folder = RunFolder(out_dir) if out_dir else None
    if folder and (finished := _found(folder, config, resume, compute)):
        return finished
    files = file_digests(config)
    dataset = load_dataset(config.data, config.seed, data_dir)
    trainer, grapes = prepare(config, dataset, listener, compute.device)
    written = device_pulses(trainer.model)
    if folder:
        until_end.enter_context(folder.held())
        # Another run may have been here since.
        if finished := _found(folder, config, resume, compute):
            return finished
        folder.create(config)
    if folder and resume and folder.checkpoint.exists():
        before = load_checkpoint(trainer, config_hash(config), folder.checkpoint)
        _refuse_other(Compute(**before), compute, out_dir)
    _train(trainer, config, folder, listener)
    if folder and not trainer.position.metrics:
        _save(trainer, config, folder)
    trained = time.perf_counter()
    wear = measure_wear(trainer.model, written)
    activity = trained_activity(config, trainer)
    evaluation = _evaluate(config, trainer, grapes, listener)
    uses = LayerUses(trainer.model)
    measurements = {
        "started": started.isoformat(timespec="seconds"),
        "training_seconds": trained - clock,
        "evaluation_seconds": time.perf_counter() - trained,
        "peak_bytes_of_step": _step_peak(trainer),
    }
    uses.stop()
    cost = step_cost(config, trainer, grapes, uses, activity) if activity else None
    # After that step: a resumed run may have drawn the feedback weights no sooner.
    summary = _summary(config, trainer, evaluation, compute, wear, cost)
    metrics = [epoch.as_dict() for epoch in trainer.position.metrics]
    if changes := file_changes(files, file_digests(config)):
        raise InputError(f"changed while the run was going on: {', '.join(changes)}; run it again")
    outcome = Outcome(summary, metrics, measurements)
    if folder:
        folder.write_outcome(outcome)
    return outcome


def _found(folder: RunFolder, config: RunConfig, resume: bool, compute: Compute) -> Outcome | None:
    finished = folder.find(config, resume=resume)
    if finished:
        found = Compute(finished.result.device or "cpu", finished.result.threads or 1)
        _refuse_other(found, compute, folder.path)
    return finished


def _refuse_other(found: Compute, compute: Compute, out_dir: Path | None) -> None:
    if found != compute:
        raise InputError(
            f"{out_dir}: was computed with {found}, which decides the last bits (this is {compute}); use the same, or "
            "choose another --out"
        )


def _train(
    trainer: Trainer, config: RunConfig, folder: RunFolder | None, listener: Listener
) -> None:
    position = trainer.position
    per_epoch = trainer.batches_per_epoch
    done = position.epoch * per_epoch + position.batch
    listener.stage("training", trainer.epochs * trainer.tasks * per_epoch, done)
    try:
        for metrics in trainer.run(on_batch=listener.step):
            listener.epoch(metrics)
            if folder:
                _save(trainer, config, folder)
    except Interrupted:
        if folder:
            _save(trainer, config, folder)
        raise


def _save(trainer: Trainer, config: RunConfig, folder: RunFolder) -> None:
    identity = config_hash(config)
    write_atomically(folder.checkpoint, lambda path: save_checkpoint(trainer, identity, path))
    folder.write_metrics(epoch.as_dict() for epoch in trainer.position.metrics)


@dataclass(frozen=True)
class _Evaluation:
    """What was measured on the trained network, before anything else happened to it."""

    shown: EpochMetrics
    """Of the epoch whose weights were kept."""
    test: dict[str, float]
    activity: SignalActivity
    optimizer_state_bytes: int
    grapes_transient_numbers: int
    alignment: AlignmentAngles | None
    drift: list[DriftPoint]
    pcm_devices: int | None
    missed_writes: dict[str, int] | None


def _evaluate(
    config: RunConfig, trainer: Trainer, grapes: Grapes | None, listener: Listener
) -> _Evaluation:
    """In an order of its own: noise is drawn and devices drift."""
    model, position, task = trainer.model, trainer.position, trainer.task
    if not position.metrics:
        shown = trainer.scores_untrained()
    else:
        shown = position.best if trainer.keep_best and position.best else position.metrics[-1]
    test = task.scores(model, trainer.dataset.test)
    factors = grapes.factors() if grapes else {}
    activity = measure_activity(model, task, trainer.dataset.test)
    state_bytes = measured_bytes(trainer.optimizer, model)
    alignment = measure_alignment(config, trainer)
    programmed = programmable(model, config.hardware, config.evaluation)
    return _Evaluation(
        shown=shown,
        test=test,
        activity=activity,
        optimizer_state_bytes=state_bytes,
        grapes_transient_numbers=sum(factor.numel() for factor in factors.values()),
        alignment=alignment,
        drift=_drift(config, trainer, programmed, listener) if programmed else [],
        pcm_devices=count_pcm_devices(model, config.hardware, programmed),
        missed_writes=count_missed_writes(model, config.hardware),
    )


def _summary(
    config: RunConfig,
    trainer: Trainer,
    evaluation: _Evaluation,
    compute: Compute,
    wear: dict[str, Any],
    cost: StepCost | None,
) -> Summary:
    shown, metric = evaluation.shown, trainer.task.metric.name
    reproducible, why = _reproducible(config, compute)
    return Summary(
        name=config.name,
        seed=config.seed,
        config_hash=config_hash(config),
        hardware=_hardware(config),
        versions=versions(),
        device=compute.device,
        threads=compute.threads,
        reproducible=reproducible,
        reproducible_why=why,
        metric=metric,
        scores={
            **(shown.beside or {}),
            **{f"test_{name}": score for name, score in evaluation.test.items()},
            f"validation_{metric}": shown.validation_score,
        },
        **learning_measures(
            trainer.position.metrics, config.training.epochs, config.evaluation.target_accuracy
        ),
        epoch=shown.epoch,
        train_loss=shown.train_loss if shown.epoch else None,
        **asdict(evaluation.activity),
        optimizer_state_bytes=evaluation.optimizer_state_bytes,
        optimizer_state_bytes_closed_form=closed_form_bytes(
            trainer.model, config.training.optimizer.rule
        ),
        grapes_transient_numbers=evaluation.grapes_transient_numbers,
        alignment_angle_deg=evaluation.alignment,
        drift=evaluation.drift,
        no_drift_why=why_no_drift(config.hardware),
        pcm_devices=evaluation.pcm_devices,
        missed_writes=evaluation.missed_writes,
        step_cost=cost,
        **wear,
        **count_feedback(attached_transport(trainer.model), config.hardware),
    )


def _reproducible(config: RunConfig, compute: Compute) -> tuple[bool, str]:
    if isinstance(config.hardware, AihwkitHardware):
        return False, "aihwkit's tiles draw their noise from a generator that cannot be seeded"
    if compute.device != "cpu":
        return False, f"on {compute.device} sums are taken in an order that is not fixed"
    if compute.threads > 1:
        return True, f"everything is drawn from the seed, with --threads {compute.threads}"
    return True, "everything is drawn from the seed"


def _hardware(config: RunConfig) -> str:
    values = config.hardware.model_dump(mode="json")
    said = hardware_in_words(values)
    return f"{said}: {NOTHING_ELSE}" if is_weights_alone(values) else said


def _drift(
    config: RunConfig, trainer: Trainer, programmed: ProgrammedNetwork, listener: Listener
) -> list[DriftPoint]:
    def on_read() -> None:
        listener.step()
        if listener.stop_requested():
            raise Interrupted

    how = config.evaluation
    times_s = how.times_s or STANDARD_TIMES_S
    listener.stage("drift", how.repeats * len(times_s))
    again = how.batch_norm == "recalibrated"
    batches = calibration_batches(trainer.dataset, how.calibration_samples) if again else []

    def scores() -> dict[str, float]:
        with recalibrated(trainer.model, batches) if again else nullcontext():
            return trainer.task.scores(trainer.model, trainer.dataset.test)

    reads = read_over_time(
        scores,
        programmed,
        times_s=times_s,
        repeats=how.repeats,
        compensation=how.drift_compensation,
        seed=config.seed,
        on_read=on_read,
    )
    return drift_points(reads, trainer.task.metric.name)


def _step_peak(trainer: Trainer) -> int:
    """Measured last, on a network whose weights nobody needs any more."""
    batch = next(trainer.dataset.train.batches(trainer.batch_size, order=None))
    trainer.model.train()
    return peak_bytes_of_step(
        lambda: training_step(trainer.model, trainer.optimizer, batch, trainer.task)
    )
