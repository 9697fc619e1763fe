"""The verb footprint: what training a model of one's own takes."""

import pandas as pd
import pytest
import torch
from torch import nn

from crossbar import PCMConfig, PCMTile
from crossbar.costs import constant
from imc_grapes import Grapes, footprint, optimizer, to_crossbar
from kernels.errors import InputError

BATCH = (torch.rand(32, 8, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4)
WEIGHTS = 8 * 16 + 16 * 4


def on_tiles(**options: object) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return to_crossbar(net, PCMConfig(array={"weight_range": "auto"}, seed=0, **options))


def tiles_of(model: nn.Module) -> list[PCMTile]:
    return [module for module in model.modules() if isinstance(module, PCMTile)]


@pytest.mark.parametrize("update", ["pulsed", {"kind": "accumulated", "accumulator_bits": 8}])
def test_every_rule_on_the_circuits_that_carry_it_out(update: object) -> None:
    model = on_tiles(update=update)
    frame = footprint(model, BATCH, nn.functional.cross_entropy, updates=3)
    rows = frame.set_index(["circuits", "method"])
    assert list(rows.loc["pulsed"].index) == ["sgd", "grapes", "column_norm", "sign_sgd", "sinkgd"]
    assert set(rows.loc["accumulated"].index) >= {
        "sgd",
        "grapes",
        "momentum",
        "nag",
        "rmsprop",
        "adam",
        "adafactor",
        "sm3",
        "lion",
        "scale",
    }
    state = rows.loc["accumulated"]["state_bits"]
    assert state["sgd"] == state["grapes"] == 0
    assert state["momentum"] == 32 * WEIGHTS
    assert state["adam"] == 64 * WEIGHTS
    assert state["sm3"] == state["adafactor"] == 32 * (8 + 16 + 16 + 4)
    assert state["lion"] == 32 * WEIGHTS
    assert state["scale"] == 32 * 16 * 4  # of the output layer alone
    assert state["sinkgd"] == state["sign_sgd"] == state["column_norm"] == 0
    assert list(state)[-1] == 64 * WEIGHTS
    bits = 16 if update == "pulsed" else 8
    assert (rows.loc["accumulated"]["accumulator_bits"] == bits * WEIGHTS).all()
    assert list(rows.loc["tiki_taka"].index) == list(rows.loc["ttv2"].index) == ["sgd"]
    devices = rows["devices"]
    assert (devices.loc[["pulsed", "accumulated"]] == 2 * WEIGHTS).all()
    assert (devices.loc[["tiki_taka", "ttv2"]] == 4 * WEIGHTS).all()
    assert (rows["energy_low_pJ"] < rows["energy_pJ"]).all()
    assert (rows["energy_pJ"] < rows["energy_high_pJ"]).all()
    own = rows["own_energy_pJ"]
    assert own["pulsed", "sinkgd"] > 10.0 * own["pulsed", "column_norm"]  # six gradients
    assert own["accumulated", "adam"] > own["accumulated", "momentum"] > own["accumulated", "sgd"]
    assert (rows["reset_pulses_per_device"] >= 0.0).all()
    assert rows.loc[("pulsed", "sgd"), "set_pulses_per_device"] > 0.0


def test_the_model_stays_as_it_is() -> None:
    model = on_tiles()
    before = model[0].get_weights()[0].clone()
    footprint(model, BATCH, nn.functional.cross_entropy, updates=2)
    assert torch.equal(model[0].get_weights()[0], before)
    assert next(model[0].analog_tiles()).counters["updates"] == 0


def test_a_larger_learning_rate_fires_more_pulses() -> None:
    def pulses(lr: float) -> float:
        frame = footprint(
            on_tiles(),
            BATCH,
            nn.functional.cross_entropy,
            learning_rates={"sgd": lr},
            updates=3,
        ).set_index(["circuits", "method"])
        assert frame.loc[("pulsed", "sgd"), "learning_rate"] == lr
        return float(frame.loc[("pulsed", "sgd"), "set_pulses_per_device"])

    assert pulses(0.5) > 2.0 * pulses(0.05)


@pytest.mark.parametrize(
    ("model", "batch", "options", "message"),
    [
        (nn.Linear(8, 4), BATCH, {}, "no PCM tiles"),
        (on_tiles(), BATCH[0], {}, "batch: must be a tuple"),
        (on_tiles(), BATCH, {"learning_rates": {"adamm": 1.0}}, "adamm"),
        (on_tiles(), BATCH, {"updates": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_priced_is_refused(
    model: nn.Module, batch: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        footprint(model, batch, nn.functional.cross_entropy, **options)  # type: ignore[arg-type]


def test_a_model_under_grapes_is_refused() -> None:
    model = on_tiles()
    grapes = Grapes(model)
    with pytest.raises(InputError, match="detach"):
        footprint(model, BATCH, nn.functional.cross_entropy)
    grapes.detach()


def test_a_rule_that_the_tiles_are_configured_for_is_priced_with_its_constants() -> None:
    update = {"kind": "accumulated", "optimizer": {"name": "sinkgd", "iterations": 1}}
    frame = footprint(on_tiles(update=update), BATCH, nn.functional.cross_entropy, updates=2)
    own = frame.set_index(["circuits", "method"])["own_energy_pJ"]
    assert own["pulsed", "sinkgd"] < 2.0 * own["accumulated", "sinkgd"]
    usual = footprint(on_tiles(), BATCH, nn.functional.cross_entropy, updates=2)
    five = usual.set_index(["circuits", "method"])["own_energy_pJ"]
    assert five["accumulated", "sinkgd"] > 3.0 * own["accumulated", "sinkgd"]
    assert {"sgd", "adam"} <= set(frame["method"])


@pytest.mark.parametrize("kind", ["tiki_taka", "ttv2"])
def test_a_model_with_a_second_array_is_priced_on_its_own_circuits_too(kind: str) -> None:
    model = on_tiles(update={"kind": kind, "transfer_lr": 10.0})
    frame = footprint(model, BATCH, nn.functional.cross_entropy, updates=3)
    rows = frame.set_index(["circuits", "method"])
    assert list(rows.loc[kind].index) == ["sgd", "grapes", "column_norm", "sign_sgd", "sinkgd"]
    own = rows.loc[(kind, "sgd")]
    assert own["devices"] == 4 * WEIGHTS == 2 * rows.loc[("pulsed", "sgd"), "devices"]
    assert own["state_bits"] == (32 * WEIGHTS if kind == "ttv2" else 0)
    added = own["area_um2"] - rows.loc[("pulsed", "sgd"), "area_um2"]
    assert added > 2 * WEIGHTS * constant("device_area_um2").typical


def test_pulses_per_device_are_those_of_a_training_by_hand() -> None:
    """The same updates in a plain loop, on tiles that count; from the counters of the periphery, and of each device."""
    model = on_tiles(wear=True)
    before = [tile.wear.reset_plus.copy() for tile in tiles_of(model)]
    stepping = optimizer(model, "sgd", 0.3)
    for _ in range(10):
        stepping.zero_grad()
        nn.functional.cross_entropy(model(BATCH[0]), BATCH[1]).backward()
        stepping.step()
    sets = sum(t.counters["pulses"] + t.counters["refresh_pulses"] for t in tiles_of(model))
    each = [
        getattr(tile.wear, f"set_{side}").astype(float)
        + getattr(tile.wear, f"reset_{side}")
        - written
        for tile, written in zip(tiles_of(model), before, strict=True)
        for side in ("plus", "minus")
    ]
    largest = max(float(one.max()) for one in each) / 10
    frame = footprint(
        on_tiles(), BATCH, nn.functional.cross_entropy, learning_rates={"sgd": 0.3}, updates=10
    )
    row = frame.set_index(["circuits", "method"]).loc[("pulsed", "sgd")]
    assert row["set_pulses_per_device"] == pytest.approx(sets / (10 * 2 * WEIGHTS))
    assert row["largest_pulses_per_device"] == pytest.approx(largest)
    assert row["lifetime_updates"] == pytest.approx(1e9 / largest)
    assert row["lifetime_low_updates"] == pytest.approx(1e6 / largest)
    assert row["lifetime_high_updates"] == pytest.approx(2e12 / largest)


def test_own_constants_and_another_node_change_prices_and_nothing_else() -> None:
    def priced(**options: object) -> pd.DataFrame:
        frame = footprint(on_tiles(), BATCH, nn.functional.cross_entropy, updates=2, **options)  # type: ignore[arg-type]
        return frame.set_index(["circuits", "method"])

    usual, at_7_nm = priced(), priced(node_nm=7)
    measured = ["state_bits", "devices", "set_pulses_per_device", "time_ns", "area_um2"]
    pd.testing.assert_frame_equal(usual[measured], at_7_nm[measured])
    ratio = at_7_nm["energy_pJ"] / usual["energy_pJ"]
    assert ((ratio > 1 / 1.47) & (ratio < 1.0)).all()
    dear = {"low": 1e6, "typical": 1e6, "high": 1e6, "unit": "pJ", "source": "made up"}
    own = priced(constants={"set_pulse_pJ": dear})
    dearer = own["energy_pJ"] - usual["energy_pJ"]
    sets = usual["set_pulses_per_device"] * usual["devices"]
    assert dearer.to_numpy() == pytest.approx(((1e6 - 6.75) * sets).to_numpy(), rel=1e-6, abs=1e-6)
    with pytest.raises(InputError, match=r"constants\.set_pulse_pJ: source"):
        priced(constants={"set_pulse_pJ": {**dear, "source": ""}})
    with pytest.raises(InputError, match="node_nm: must be one of 7, 14"):
        priced(node_nm=5)
