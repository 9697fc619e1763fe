"""The name of an experiment: a hash of everything that decides its result."""

import hashlib
import json

from imc_grapes.config.schema import RunConfig

HASH_DIGITS = 12


def config_hash(config: RunConfig) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the resolved config, written canonically as JSON.

    The free-text `name` does not decide a result and is left out.
    """
    values = config.model_dump(mode="json", exclude={"name"})
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_DIGITS]
