"""What every section of a config has in common."""

from device_models.parameters import Parameters


class Section(Parameters):
    """Frozen, finite numbers only, no unknown keys; docstrings of attributes become the schema's descriptions."""
