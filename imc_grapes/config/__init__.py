"""Configurations: the schema, reading YAML with line numbers, overrides, hashes."""

from imc_grapes.config.identity import config_hash
from imc_grapes.config.load import load_run_config, parse_run_config
from imc_grapes.config.schema import RunConfig

__all__ = ["RunConfig", "config_hash", "load_run_config", "parse_run_config"]
