import importlib
import json
import pkgutil
import re

import pytest

import crossbar
import device_models
import imc_grapes
from device_models.parameters import Parameters
from device_models.registry import Registry
from imc_grapes.cli.schema import schema
from imc_grapes.networks.base import NETWORKS
from imc_grapes.register import network
from imc_grapes.sweep.schema import SweepConfig

UNITS = {
    "_uS": "µS",
    "_s": r"\bs\b|[Ss]econds",
    "_deg": "degrees",
    "_eV": "eV",
    "celsius": "°C",
    "_bits": "[Ww]ord length|bits",
}


def properties(printed):
    """Every key of a JSON schema, once for each place where it stands: path, what is said of it, whether required."""
    definitions = printed.get("$defs", {})

    def walk(node, path):
        if "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        for key, about in node.get("properties", {}).items():
            yield (*path, key), about, key in node.get("required", [])
            yield from walk(about, (*path, key))
        for word in ("oneOf", "anyOf", "allOf"):
            for index, inner in enumerate(node.get(word, [])):
                yield from walk(inner, (*path, f"<{index}>"))
        if isinstance(node.get("items"), dict):
            yield from walk(node["items"], path)
        if isinstance(node.get("additionalProperties"), dict):
            yield from walk(node["additionalProperties"], path)

    return list(walk(printed, ()))


@pytest.fixture
def printed(capsys):
    schema()
    return properties(json.loads(capsys.readouterr().out))


def plain(text):
    return re.sub(r"[\W_]+", "", text).lower()


def check(keys):
    for path, about, is_required in keys:
        where, description = ".".join(path), about.get("description", "")
        assert len(description.split()) >= 2, f"{where}: {description!r}"
        assert plain(description) not in (plain(path[-1]), plain(" ".join(path[-2:]))), where
        assert not description.startswith("Not described"), where
        assert description.endswith("."), f"{where}: {description!r}"
        assert is_required or "default" in about, where


def test_every_key_has_a_description_and_a_default_or_is_required(printed):
    assert len(printed) > 400
    check(printed)


def test_so_does_every_key_of_a_sweep():
    check(properties(SweepConfig.model_json_schema()))


def test_descriptions_give_the_unit_that_a_key_ends_in(printed):
    seen = set()
    for path, about, _ in printed:
        for end, unit in UNITS.items():
            if path[-1].endswith(end):
                seen.add(end)
                assert re.search(unit, about["description"]), f"{path}: {about['description']}"
    assert seen == set(UNITS)


def test_descriptions_say_what_null_means(printed):
    for path, about, _ in printed:
        if about.get("default", 0) is None:
            assert "null:" in about["description"], f"{path}: {about['description']}"


def test_every_choice_of_a_tag_says_what_it_is(printed):
    tags = {about["const"]: about for _, about, _ in printed if "const" in about}
    for registry in Registry.all:
        if registry.tag is None:
            continue
        for entry in registry:
            assert tags[entry.name]["description"] == f"{entry.name}: {entry.description}."


def test_an_override_of_a_default_keeps_the_description(printed):
    described = {about["description"] for path, about, _ in printed if path[-1] == "g_max_uS"}
    assert "Largest conductance, µS; of the mean device where devices differ." in described


@pytest.fixture
def added():
    before = set(NETWORKS.names)
    yield lambda: properties(NETWORKS["added"].model_json_schema())
    for name in set(NETWORKS.names) - before:
        NETWORKS.remove(name)


def test_an_argument_of_a_plugin_is_described_by_its_docstring(added, capsys):
    @network("added")
    def build(*, width: int = 4, depth: int = 1, shape, classes):
        """Something of a user's own.

        Args:
            width: nodes of each
                layer.
        """

    schema()
    keys = [
        about
        for path, about, _ in properties(json.loads(capsys.readouterr().out))
        if path[0] == "network" and path[-1] in ("width", "depth", "kind")
    ]
    descriptions = [about["description"] for about in keys]
    assert "added: Something of a user's own." in descriptions
    assert "nodes of each layer." in descriptions
    # Nothing is made up about what its author left out.
    assert any(re.fullmatch(r"Not described by .*test_schema.py:\d+\.", d) for d in descriptions)


def all_parameters():
    for package in (device_models, crossbar, imc_grapes):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    waiting = [Parameters]
    while waiting:
        waiting += (found := waiting.pop()).__subclasses__()
        ours = found.__module__.startswith(("device_models.", "crossbar.", "imc_grapes."))
        # Keys of functions that other tests have registered are made in register.
        if ours and found.__module__ != "imc_grapes.register":
            yield found


def test_parameters_are_described_in_one_dialect():
    for cls in all_parameters():
        assert "Attributes:" not in (cls.__doc__ or ""), f"{cls.__module__}.{cls.__name__}"
        undescribed = [name for name in cls.model_fields if not cls.description_of(name)]
        assert not undescribed, f"{cls.__module__}.{cls.__name__}: {undescribed}"
