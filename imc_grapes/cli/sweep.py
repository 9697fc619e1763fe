"""`imc-grapes sweep`"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imc_grapes.cli.compute_options import Device, DeviceChoice, Threads
from imc_grapes.cli.console import errors, output
from imc_grapes.cli.plugin_option import load_plugins

if TYPE_CHECKING:
    from imc_grapes.store.plan import SweepPlan
    from imc_grapes.sweep.run import SweepEnd


def sweep(
    config: Annotated[Path, typer.Argument(help="A sweep file in YAML.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="scale=NAME for one of the file's scales, seeds=N, margin=X, or a key of the base config; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the results; what it holds is resumed (default: results/NAME)."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Worker processes on this machine (default: as many as its cores have threads for).",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler, such as tls://10.0.0.1:8786."),
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            help="For tls://: whose certificates to trust, PEM (default: as Dask's configuration says)."
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="For tls://: the certificate to show, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="For tls://: its key, PEM.")] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder searched first for data sets."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run trials again that failed before.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List the trials and estimate their time; keep nothing."),
    ] = False,
    device: Device = DeviceChoice.cpu,
    threads: Threads = 1,
) -> None:
    """Run every trial of a sweep that its folder does not hold yet, and report on all of them."""
    if workers is not None and scheduler is not None:
        raise typer.BadParameter("--workers and --scheduler exclude each other")
    tls = (tls_ca, tls_cert, tls_key)
    if None in tls and tls != (None, None, None):
        raise typer.BadParameter("--tls-ca, --tls-cert and --tls-key belong together")
    if tls_ca is not None and scheduler is None:
        raise typer.BadParameter("--tls-ca, --tls-cert and --tls-key belong to a --scheduler")
    load_plugins()
    from imc_grapes.sweep import load_sweep

    plan = load_sweep(config, overrides or [])
    folder = out or Path("results") / plan.name
    count = workers or max(1, _cores() // threads)
    if device is not DeviceChoice.cpu:
        _refuse_device(plan, device, here=scheduler is None)
    if dry_run:
        from imc_grapes.sweep.dry_run import print_dry_run

        print_dry_run(plan, folder, count, data_dir, output, device=device.value, threads=threads)
        return

    from imc_grapes.sweep.cluster import Certificates
    from imc_grapes.sweep.coordinator import LostClusterError
    from imc_grapes.sweep.run import run_sweep

    try:
        end = run_sweep(
            plan,
            folder,
            errors,
            workers=count,
            scheduler=scheduler,
            certificates=Certificates(tls_ca, tls_cert, tls_key)
            if tls_ca and tls_cert and tls_key
            else None,
            data_dir=data_dir,
            retry_failed=retry_failed,
            device=device.value,
            threads=threads,
        )
    except LostClusterError as error:
        errors.print(f"failed: {error}; the same command goes on where it stopped", style="red")
        raise typer.Exit(1) from None
    _report(end, folder)
    raise typer.Exit(_status(end, folder))


def _refuse_device(plan: "SweepPlan", device: DeviceChoice, *, here: bool) -> None:
    from imc_grapes.experiment.compute import Compute

    compute = Compute(device.value)
    for trial in plan.trials:
        compute.refuse_hardware(trial.config.hardware)
    if here:
        compute.refuse_missing()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _report(end: "SweepEnd", folder: Path) -> None:
    if not end.done or end.interrupted:
        return
    from imc_grapes.cli.report import build_and_print

    build_and_print(folder, output)


def _status(end: "SweepEnd", folder: Path) -> int:
    total = end.done + end.failed + end.pending
    if end.interrupted and end.pending:
        errors.print(
            f"Stopped with {end.done + end.failed} of {total} trials over; {folder} holds them. "
            "The same command runs the rest.",
            highlight=False,
            soft_wrap=True,
        )
        return 130
    if end.failed:
        errors.print(
            f"{end.failed} of {total} trials failed: `imc-grapes results {folder} --where status=failed` says why; "
            "--retry-failed runs them again.",
            style="red",
            highlight=False,
            soft_wrap=True,
        )
        return 1
    return 0
