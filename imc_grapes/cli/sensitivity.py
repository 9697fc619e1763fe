"""`imc-grapes sensitivity`"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from imc_grapes.cli.compute_options import Device, DeviceChoice, Threads
from imc_grapes.cli.console import errors, output
from imc_grapes.cli.plugin_option import load_plugins
from kernels.errors import InputError

if TYPE_CHECKING:
    from crossbar.drift_compensation import Compensation
    from imc_grapes.experiment.compute import Compute
    from imc_grapes.experiment.listener import Listener
    from imc_grapes.experiment.sensitivity import RunSensitivity


def sensitivity(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG|RUN",
            help="A run config in YAML, which is run first if its folder does not hold the finished run; or the folder "
            "of a finished run.",
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set a key of the config, as in --set seed=1; repeatable."),
    ] = None,
    time_s: Annotated[
        float, typer.Option(min=0.0, help="Seconds since programming, or since the last update.")
    ] = 86400.0,
    repeats: Annotated[int, typer.Option(min=1, help="Times that devices are drawn anew.")] = 5,
    compensation: Annotated[
        Literal["none", "global", "column"] | None,
        typer.Option(help="Drift compensation (default: global, if the config has it)."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Fixes the devices (default: the seed of the run).")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON in place of the table.")
    ] = False,
    device: Device = DeviceChoice.cpu,
    threads: Threads = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for table and picture (default: sensitivity in the run's)."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder searched first for data sets."),
    ] = None,
) -> None:
    """See what a network suffers from: each layer alone on devices, each nonideality alone, all together."""
    load_plugins()
    from imc_grapes.cli.progress import ProgressListener
    from imc_grapes.cli.stop_on_interrupt import stop_on_interrupt
    from imc_grapes.experiment import DivergedError, Interrupted
    from imc_grapes.experiment.compute import Compute
    from imc_grapes.experiment.restore import restore
    from imc_grapes.experiment.sensitivity import measure_sensitivity, usual_compensation
    from imc_grapes.grapes.factors import NonFiniteWeightError
    from imc_grapes.pictures.sensitivity import write_sensitivity
    from imc_grapes.pictures.sensitivity_words import finding

    compute = Compute(device.value, threads)
    compute.refuse_missing()
    try:
        with (
            compute.limits(),
            stop_on_interrupt() as stop,
            ProgressListener(errors, stop) as listener,
        ):
            folder = _finished(config, overrides or [], compensation, data_dir, listener, compute)
            run = restore(folder, data_dir, compute.device)
            found = measure_sensitivity(
                run,
                time_s=time_s,
                repeats=repeats,
                compensation=compensation or usual_compensation(run.config.evaluation),
                seed=run.config.seed if seed is None else seed,
                listener=listener,
            )
    except Interrupted:
        errors.print(
            "Stopped; the same command goes on with the training, or begins the table again."
        )
        raise typer.Exit(130) from None
    except (DivergedError, NonFiniteWeightError) as error:
        errors.print(f"failed: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    plain = json.dumps({**found.as_dict(), "finding": finding(found)}, indent=2)
    files = write_sensitivity(found, out or folder / "sensitivity", plain)
    if as_json:
        typer.echo(plain)
    else:
        _print(found)
    for file in files:
        errors.print(str(file), highlight=False, soft_wrap=True, markup=False)


def _finished(
    path: Path,
    overrides: list[str],
    compensation: "Compensation | None",
    data_dir: Path | None,
    listener: "Listener",
    compute: "Compute",
) -> Path:
    """The folder of the finished run: `path` itself, or that of the config, which is run if it has to be."""
    if path.is_dir():
        if overrides:
            raise InputError(f"--set: {path} is a finished run, whose config is what it is")
        return path
    from imc_grapes.config import config_hash, load_run_config
    from imc_grapes.experiment import run_experiment
    from imc_grapes.experiment.run_folder import RunFolder
    from imc_grapes.experiment.sensitivity import refuse_without_devices
    from imc_grapes.pictures.quantities import as_file_name

    resolved = load_run_config(path, overrides)
    refuse_without_devices(resolved)
    if compensation is not None:  # before hours of training: whether the hardware has it
        load_run_config(path, [*overrides, f"evaluation.drift_compensation={compensation}"])
    folder = Path("runs") / f"{as_file_name(resolved.name)}-{config_hash(resolved)}"
    if RunFolder(folder).find(resolved, resume=True) is None:
        run_experiment(
            resolved,
            data_dir=data_dir,
            out_dir=folder,
            resume=True,
            listener=listener,
            device=compute.device,
            threads=compute.threads,
        )
    return folder


def _print(found: "RunSensitivity") -> None:
    from imc_grapes.pictures.sensitivity import conditions
    from imc_grapes.pictures.sensitivity_words import finding

    metric = found.metric
    output.print(Text(f"{found.name}: {conditions(found)}"))
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("layer", "nonideality"):
        table.add_column(heading)
    for heading in (f"test {metric.short_heading}", "loss"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.frame.itertuples():
        score = metric.number(row.score, row.std, more_digits=1)
        table.add_row(
            Text(row.layer), Text(row.nonideality), score, metric.number(row.loss, more_digits=1)
        )
    output.print(table)
    output.print(Text(finding(found)))
