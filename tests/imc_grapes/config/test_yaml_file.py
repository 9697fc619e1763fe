import math
import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imc_grapes import InputError
from imc_grapes.config.yaml_file import dump_yaml, parse_yaml, read_yaml


def value_of(text):
    return parse_yaml(f"key: {text}\n", "x.yaml").values["key"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E+3", 1000.0),
        ("5e-1", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1.5e2", -150.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("08", 8),
        ("010", 10),
        ("+7", 7),
        ("-3", -3),
        ("0o10", 8),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("'1e-3'", "1e-3"),
        ('"8"', "8"),
        ("1e", "1e"),
        ("0b11", "0b11"),
        ("-0x1F", "-0x1F"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number():
    assert math.isnan(value_of(".nan"))


def test_lines_of_keys_and_list_items():
    text = "a: 1\n\nb:\n  c: 2\n  d:\n    - 3\n    - {e: 4}\n"
    document = parse_yaml(text, "x.yaml")
    assert document.values == {"a": 1, "b": {"c": 2, "d": [3, {"e": 4}]}}
    assert document.where(("b", "c")) == "x.yaml:4"
    assert document.where(("b", "d", 1, "e")) == "x.yaml:7"
    assert document.where(("b", "not there", "nor this")) == "x.yaml:3"
    assert document.where(("nowhere",)) == "x.yaml"


def test_anchors_and_aliases_work():
    values = parse_yaml("a: &widths [3, 4]\nb: *widths\n", "x.yaml").values
    assert values == {"a": [3, 4], "b": [3, 4]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml: is empty"),
        ("# nothing\n", "x.yaml: is empty"),
        ("---\n", "x.yaml: is empty"),
        ("- a\n- b\n", "x.yaml: must hold a mapping"),
        ("just words\n", "x.yaml: must hold a mapping"),
        ("a: 1\na: 2\n", "x.yaml:2: a: given twice .first on line 1"),
        ("b:\n  a: 1\n  a: 2\n", r"x.yaml:3: b\.a: given twice .first on line 2"),
        ("[1]: 2\n", "x.yaml:1: a key must be a plain name"),
        ("a: 1\n\tb: 2\n", "x.yaml:2: not valid YAML"),
        ("a: [1, 2\n", "x.yaml:2: not valid YAML"),
        ("a: 'open\n", "not valid YAML"),
        ("a: *nowhere\n", "x.yaml:1: not valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: !!python/object:os.system x\n", "x.yaml:1: not valid YAML"),
        ("a: !!int words\n", "not valid YAML"),
        ("a: !!float words\n", "not valid YAML"),
        ("a: \x00\n", "not valid YAML"),
        ("a: &a [*a]\n", "nested too deeply, or in itself"),
        ("a: " + "[" * 3000 + "\n", "nested too deeply"),
    ],
)
def test_what_is_no_mapping_in_yaml_is_refused_with_its_line(text, message):
    with pytest.raises(InputError, match=message):
        parse_yaml(text, "x.yaml")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nothere\.yaml: no such file"):
        read_yaml(tmp_path / "nothere.yaml")
    with pytest.raises(InputError, match="is a directory"):
        read_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("a: \xe9".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml: cannot be read as text"):
        read_yaml(tmp_path / "latin.yaml")
    (tmp_path / "file.yaml").write_text("a: 1\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(tmp_path / "file.yaml" / "inside.yaml")


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
    st.sampled_from(
        ["1e3", "08", "off", "yes", "null", "0o7", "1.", ".5", "", "1:30", "~", "0x1F"]
    ),
)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1)
documents = st.dictionaries(
    names,
    st.recursive(
        plain, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=8
    ),
    min_size=1,
)


@given(documents)
@settings(max_examples=150, deadline=None)
def test_what_is_dumped_is_read_back_unchanged(values):
    assert parse_yaml(dump_yaml(values), "x.yaml").values == values


@given(st.dictionaries(names, plain, min_size=1))
@settings(max_examples=150, deadline=None)
def test_what_is_dumped_means_the_same_to_a_yaml_1_1_reader(values):
    assert yaml.safe_load(dump_yaml(values)) == values


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_whatever_raises_anything_but_an_input_error(text):
    with suppress(InputError):
        parse_yaml(text, "x.yaml")


def laughs(depth):
    lines = ["a0: &a0 [" + ", ".join("1" * 9) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, depth + 1)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(7), r"holds more than 100,000 values or 64 levels once its aliases are replaced"),
        (laughs(30), r"holds more than 100,000 values or 64 levels once its aliases are replaced"),
        ("a: [" + "1," * 120_000 + "]\n", "holds more than 100,000 values"),
        ("a: " + "x" * 30_000 + "\n", r"x.yaml:1: a value has 30,000 letters; at most 20,000"),
        ("k" * 30_000 + ": 1\n", "letters; at most 20,000|not valid YAML"),
        ("a: '" + "x" * 2_000_000 + "'\n", "is longer than 1 MiB"),
        ("a: " + "[" * 100 + "]" * 100, "or 64 levels"),
        ("a: &a {b: *a}\n", "nested too deeply, or in itself"),
        ("a: " + "9" * 5000 + "\n", "not valid YAML"),
    ],
    ids=["7", "30", "nodes", "scalar", "key", "size", "depth", "itself", "digits"],
)
def test_what_would_be_larger_than_it_looks_is_refused(text, message):
    began = time.perf_counter()
    with pytest.raises(InputError, match=message) as raised:
        parse_yaml(text, "x.yaml")
    assert time.perf_counter() - began < 60
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("file", ["/dev/zero", "large.yaml"])
def test_no_more_is_read_than_a_config_may_have(tmp_path, file):
    path = tmp_path / file
    if not path.exists():
        path.write_bytes(b"#" * (1 << 21))
    with pytest.raises(InputError, match=r"is larger than 1 MiB, the most that is read"):
        read_yaml(path)
