"""What every section of a config has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen, finite numbers only, no unknown keys; docstrings of attributes become the schema's descriptions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )
