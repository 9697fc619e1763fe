"""The base of every parameter object: frozen, without unknown keys, with one-line errors."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from kernels.errors import InputError, did_you_mean

LARGEST_G_MAX_US = 1e6
"""1 S: above every device, and far below where float32 ends."""


class Parameters(BaseModel):
    """Frozen parameters that refuse unknown names, NaN and infinity.

    Built directly, or as a part of a larger pydantic model, a bad value raises pydantic's
    `ValidationError`, which names the parameter. `of` gives the same in one line. A docstring below
    a parameter becomes its description in a schema; a subclass that only changes a default keeps it.
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
            raise InputError(one_line(error, cls.model_fields)) from None

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """With the description of a parameter where it was first declared, unless it has one of its own."""
        described = handler(schema)
        for name, parameter in handler.resolve_ref_schema(described).get("properties", {}).items():
            if description := cls.description_of(name):
                parameter.setdefault("description", description)
        return described

    @classmethod
    def description_of(cls, name: str) -> str | None:
        """What the docstring below a parameter says, in this class or the nearest one that it derives from.

        The "Attributes:" of a user's class will do as well.
        """
        for base in cls.__mro__:
            field = base.model_fields.get(name) if issubclass(base, Parameters) else None
            if field is None:
                continue
            if field.description:
                return field.description
            if name in (described := described_in(inspect.getdoc(base) or "", "Attributes")):
                return described[name]
        return None


def one_line(error: ValidationError, names: Iterable[str] = ()) -> str:
    """All complaints of a pydantic error, each as `name: complaint (got value)`.

    Args:
        error: the error.
        names: of the parameters there are, of which the closest is suggested in place of an unknown one.
    """
    complaints = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or error.title
        if item["type"] == "extra_forbidden":
            hint = did_you_mean(name, names) if len(item["loc"]) == 1 else ""
            complaints.append(f"{name}: there is no such parameter (got {item['input']!r}){hint}")
            continue
        # A rule over several parameters has the whole mapping as its input, and names its values.
        got = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
        complaints.append(
            f"{name}: {item['msg'].removeprefix('Value error, ')}{got}{suggested_value(item)}"
        )
    return "; ".join(complaints)


def described_in(docstring: str, section: str) -> dict[str, str]:
    """What a section of a docstring, such as "Args", says of each name."""
    texts: dict[str, str] = {}
    lines = docstring.partition(f"{section}:\n")[2].splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    last = ""
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            break
        if line.strip() and len(line) - len(line.lstrip()) == indent:
            last, _, text = line.strip().partition(":")
            texts[last] = text.strip()
        elif last and line.strip():
            texts[last] += f" {line.strip()}"
    return texts


def suggested_value(problem: ErrorDetails) -> str:
    """``; did you mean sgd?`` where pydantic refused a text that is close to one of a fixed set; else nothing."""
    if problem["type"] != "literal_error":
        return ""
    return did_you_mean(problem["input"], re.findall(r"'([^']*)'", problem["ctx"]["expected"]))
