"""`imc-grapes schema`"""

import json

import typer

from imc_grapes.cli.plugin_option import load_plugins


def schema() -> None:
    """Print the JSON schema of a run config, for editors that complete and check YAML."""
    load_plugins()
    from imc_grapes.config import RunConfig

    typer.echo(json.dumps(RunConfig.model_json_schema(), indent=2))
