"""A rule chosen by its name, with its constants beside it, as it stands in a config."""

import json
from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from crossbar.rules.base import RULES, Rule
from device_models.parameters import Parameters
from device_models.registry import NameIn, OneOf, not_one_of


class RuleChoice(Parameters):
    """The name of a rule, and those of its constants that are given; the others are the rule's own."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, NameIn(RULES)] = "sgd"
    """A rule: what becomes of the gradient before the learning rate multiplies it."""

    @model_validator(mode="after")
    def _constants_are_those_of_the_rule(self, info: ValidationInfo) -> Self:
        given = self.model_extra or {}
        rule = RULES[self.name]
        known = [name for name in rule.model_fields if name != "name"]
        others = [name for name in type(self).model_fields if name != "name"]
        unused = [name for name in given if name not in known]
        if unused:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [
                    InitErrorDetails(
                        type=PydanticCustomError(
                            "unused_constant",
                            "{reason}",
                            {"reason": _why_not(name, self.name, [*others, *known])},
                        ),
                        loc=(name,),
                        input=given[name],
                    )
                    for name in unused
                ],
            )
        checked = (
            rule.model_validate_json(json.dumps(given), strict=True)
            if info.mode == "json"
            else rule.model_validate(given)
        )
        # As the rule has them, so that a list and a tuple are one choice.
        given.update({name: getattr(checked, name) for name in given})
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The constants that are given."""
        return dict(self.model_extra or {})

    @property
    def rule(self) -> Rule:
        """The rule with its constants."""
        return RULES[self.name].model_validate(self.given)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """One of the rules that are registered now, each with its own constants."""
        described = super().__get_pydantic_json_schema__(schema, handler)
        own = handler.resolve_ref_schema(described)
        beside = own.pop("properties")
        own.pop("additionalProperties", None)
        rules = OneOf(RULES, default="sgd").__get_pydantic_json_schema__({}, handler)["oneOf"]
        resolved = [handler.resolve_ref_schema(rule) for rule in rules]
        own["oneOf"] = [{**one, "properties": {**beside, **one["properties"]}} for one in resolved]
        return described


def _why_not(constant: str, rule: str, allowed: list[str]) -> str:
    if any(constant in entry.value.model_fields for entry in RULES):
        return f"{rule} does not use {constant}; allowed: {', '.join(allowed) or 'no constants'}"
    return f"unknown key; {not_one_of(constant, allowed)}"
