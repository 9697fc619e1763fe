"""`imc-grapes run`"""

from pathlib import Path
from typing import Annotated

import typer

from imc_grapes.cli.compute_options import Device, DeviceChoice, Threads
from imc_grapes.cli.console import errors, output
from imc_grapes.cli.plugin_option import load_plugins


def run(
    config: Annotated[Path, typer.Argument(help="A run config in YAML.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Set a key, as in --set training.optimizer.lr=0.03; repeatable."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results (default: runs/NAME-HASH).")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder searched first for data sets."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in the folder.")
    ] = False,
    device: Device = DeviceChoice.cpu,
    threads: Threads = 1,
) -> None:
    """Train one network and evaluate it: right after programming and as its devices drift."""
    load_plugins()
    from imc_grapes.config import config_hash, load_run_config
    from imc_grapes.pictures.quantities import as_file_name

    resolved = load_run_config(config, overrides or [])
    folder = out or Path("runs") / f"{as_file_name(resolved.name)}-{config_hash(resolved)}"

    from imc_grapes.cli.progress import ProgressListener
    from imc_grapes.cli.stop_on_interrupt import stop_on_interrupt
    from imc_grapes.cli.summary_table import print_outcome
    from imc_grapes.experiment import DivergedError, Interrupted, run_experiment
    from imc_grapes.grapes.factors import NonFiniteWeightError

    try:
        with stop_on_interrupt() as stop, ProgressListener(errors, stop) as listener:
            outcome = run_experiment(
                resolved,
                data_dir=data_dir,
                out_dir=folder,
                resume=resume,
                listener=listener,
                device=device.value,
                threads=threads,
            )
    except Interrupted:
        errors.print(
            f"Stopped; everything so far is in {folder}. The same command with --resume goes on."
        )
        raise typer.Exit(130) from None
    except (DivergedError, NonFiniteWeightError) as error:
        errors.print(f"failed: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    print_outcome(outcome, folder, output)
