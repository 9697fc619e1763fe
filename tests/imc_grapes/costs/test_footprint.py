"""The verb footprint: what training a model of one's own takes."""

import pytest
import torch
from torch import nn

from crossbar import PCMConfig
from crossbar.costs import constant
from imc_grapes import Grapes, footprint, to_crossbar
from kernels.errors import InputError

BATCH = (torch.rand(32, 8, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4)
WEIGHTS = 8 * 16 + 16 * 4


def on_tiles(**options: object) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return to_crossbar(net, PCMConfig(array={"weight_range": "auto"}, seed=0, **options))


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
    assert (rows["devices"] == 2 * WEIGHTS).all()
    assert (rows["energy_low_pJ"] < rows["energy_pJ"]).all()
    assert (rows["energy_pJ"] < rows["energy_high_pJ"]).all()
    own = rows["own_energy_pJ"]
    assert own["pulsed", "sinkgd"] > 10.0 * own["pulsed", "column_norm"]  # six gradients
    assert own["accumulated", "adam"] > own["accumulated", "momentum"] > own["accumulated", "sgd"]
    assert (rows["pulses_per_device"] >= 0.0).all()
    assert rows.loc[("pulsed", "sgd"), "pulses_per_device"] > 0.0


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
        return float(frame.loc[("pulsed", "sgd"), "pulses_per_device"])

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
