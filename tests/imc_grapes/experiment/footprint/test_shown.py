"""What a footprint shows: its tables on a terminal of usual width, and the pictures of energy and wear."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from crossbar.costs import SHARED_PARTS
from imc_grapes.cli.footprint_table import print_footprint
from imc_grapes.config import load_run_config
from imc_grapes.experiment.footprint import footprint as measured
from imc_grapes.experiment.footprint.methods import compared_methods
from imc_grapes.pictures.footprint.energy import energy_picture
from imc_grapes.pictures.footprint.wear import wear_picture

CONFIG = Path(__file__).parents[4] / "configs" / "mnist_pcm.yaml"
DIGITS = ["data.name=digits", "network.hidden=[12]", "data.batch_size=16"]


@pytest.fixture(scope="module")
def found():
    """A few of the methods, on all circuits: each is measured in a process of its own."""
    config = load_run_config(CONFIG, DIGITS)
    few = [
        one
        for one in compared_methods(config)
        if one.method.name in ("sgd", "lr_matched", "column_norm", "scale")
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measured, "compared_methods", lambda config: few)
        return measured.measure_footprint(config, updates=4, after=3, node_nm=7)


def test_the_tables_fit_a_terminal_and_say_how_prices_were_scaled(found):
    console = Console(file=io.StringIO(), width=80)
    print_footprint(found, console)
    text = " ".join(console.file.getvalue().split())
    assert "…" not in text
    for heading in ("mm²", "SET RESET most lasts mean lasts"):
        assert heading in text
    assert "scaled from 14 to 7 nm by 0.68 (Stillmaker and Baas 2017)" in text
    assert "all times and all areas are not" in text
    assert "endures 1e9 writes (1e6 to 2e12: 0.001 to 2,000 times as long)" in text
    assert "by tiki-taka" in text


def test_the_picture_of_energy_shows_what_rules_add_and_says_what_all_pay(found):
    spec = energy_picture(found).spec
    rows = spec["data"]["values"]
    assert {row["part"] for row in rows}.isdisjoint(SHARED_PARTS)
    for one in found.methods:
        own = [
            row
            for row in rows
            if (row["method"], row["circuits"])
            == (one.compared.rule, one.compared.method.update.kind)
        ]
        assert sum(row["part_nJ"] for row in own) * 1e3 == pytest.approx(
            one.cost.own_energy_pJ.typical
        )
    headings = [panel["title"]["text"] for panel in spec["vconcat"]]
    assert len(headings) == 4
    assert all("every rule pays" in heading for heading in headings)


def test_the_picture_of_wear_shows_every_device_of_every_rule_once(found):
    rows = wear_picture(found).spec["data"]["values"]
    for one in found.methods:
        devices = [
            row
            for row in rows
            if row["method"] == one.compared.rule and row["kind"] == one.compared.method.update.kind
        ]
        assert sum(row["devices"] for row in devices) == one.host.wear.pulses.size
        none = sum(row["devices"] for row in devices if row["pulses"] == "0")
        assert none == (one.host.wear.pulses == 0).sum()
