import pytest

from imc_grapes import InputError
from imc_grapes.config.overrides import apply_overrides
from imc_grapes.config.yaml_file import parse_yaml

TEXT = "name: x\ntraining:\n  optimizer:\n    lr: 0.1\n  epochs: 3\n"


def overridden(*overrides):
    return apply_overrides(parse_yaml(TEXT, "x.yaml"), overrides)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("08", 8),
        ("off", "off"),
        ("null", None),
        ("", None),
        ("[1, 2]", [1, 2]),
        ("{lr: 1}", {"lr": 1}),
        ("'3'", "3"),
        ("a=b", "a=b"),
    ],
)
def test_values_are_read_as_yaml(text, value):
    assert overridden(f"new.key={text}").values["new"]["key"] == value


def test_keys_are_set_in_order_and_the_document_is_left_as_it_was():
    document = parse_yaml(TEXT, "x.yaml")
    changed = apply_overrides(document, ["training.optimizer.lr=1", "training.optimizer.lr=2"])
    assert changed.values["training"] == {"optimizer": {"lr": 2}, "epochs": 3}
    assert document.values["training"]["optimizer"]["lr"] == 0.1


def test_a_whole_section_may_be_replaced():
    assert overridden("training={epochs: 1}").values["training"] == {"epochs": 1}


def test_a_message_points_at_what_the_user_wrote_last():
    changed = overridden("training.optimizer.lr=-1", "training.epochs=2")
    assert changed.where(("training", "optimizer", "lr")) == "--set training.optimizer.lr=-1"
    assert changed.where(("training",)) == "x.yaml:2"
    section = overridden("training.optimizer.lr=1", "training={epochs: x}")
    assert section.where(("training", "epochs")) == "--set training={epochs: x}"
    assert section.where(("training", "optimizer", "lr")) == "--set training={epochs: x}"


@pytest.mark.parametrize("bad", ["seed", "=1", ""])
def test_an_override_without_key_or_value_is_refused(bad):
    with pytest.raises(InputError, match="form key=value"):
        overridden(bad)


def test_a_key_below_something_that_holds_no_keys_is_refused():
    with pytest.raises(InputError, match=r"--set name\.a=1: 'name' holds 'x', not a mapping"):
        overridden("name.a=1")


@pytest.mark.parametrize("text", ["[1", "{a: 1, a: 2}", "*nowhere", "!!int x", "\x00"])
def test_a_value_that_is_no_yaml_is_refused(text):
    with pytest.raises(InputError, match="--set a="):
        overridden(f"a={text}")


def test_a_key_thousands_of_levels_deep_is_refused():
    document = parse_yaml("a: 1\n", "x.yaml")
    with pytest.raises(
        InputError, match=r"is 3,001 levels deep; no key is deeper than 64"
    ) as raised:
        apply_overrides(document, ["b." * 3000 + "c=1"])
    assert len(str(raised.value)) < 200
