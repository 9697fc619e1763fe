"""The base of every parameter object: frozen, without unknown keys, with one-line errors."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from kernels.errors import InputError


class Parameters(BaseModel):
    """Frozen parameters that refuse unknown names, NaN and infinity.

    Built directly, or as a part of a larger pydantic model, a bad value raises pydantic's
    `ValidationError`, which names the parameter. `of` gives the same in one line. Docstrings of
    attributes become the descriptions of a schema.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The parameters with these values.

        Args:
            values: parameter names and values; nested parameters may be mappings.

        Returns:
            The validated object.

        Raises:
            InputError: a name is unknown or a value impossible; the message says which.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise InputError(one_line(error)) from None


def one_line(error: ValidationError) -> str:
    """All complaints of a pydantic error, each as `name: complaint (got value)`."""
    complaints = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or error.title
        # A rule over several parameters has the whole mapping as its input, and names its values.
        got = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
        complaints.append(f"{name}: {item['msg'].removeprefix('Value error, ')}{got}")
    return "; ".join(complaints)
