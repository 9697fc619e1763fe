"""Pulses of each device of a run: in the summary, over a pause, in the picture; and what does not count them."""

import pytest
from stop_after import StopAfter

from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.config import config_hash
from imc_grapes.costs.wear import device_pulses
from imc_grapes.experiment.restore import restore
from imc_grapes.pictures.run import draw_run
from imc_grapes.pictures.run.wear import wear_picture
from imc_grapes.summary import Summary
from imc_grapes.training.loop import Interrupted

pytestmark = pytest.mark.filterwarnings("ignore:.*refreshed pairs lost weight")
UPDATES = 18
"""Of two epochs of 288 of the 320 images, in mini-batches of 32."""


def config_of(wear=True, **training):
    return RunConfig.model_validate(
        {
            "name": "digits",
            "data": {"name": "digits", "train_samples": 320, "test_samples": 50, "batch_size": 32},
            "network": {"kind": "mlp", "hidden": (6,)},
            "hardware": {"tile": "pcm", **({"wear": wear} if wear is not None else {})},
            "training": {"epochs": 2, **training},
            "evaluation": {"times_s": (25.0,), "repeats": 1},
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    run_experiment(config_of(), out_dir=path)
    return path


def test_the_summary_is_that_of_the_live_counters(folder):
    wear = Summary.read(folder / "summary.json").wear
    pulses = device_pulses(restore(folder).trainer.model)
    assert pulses.set_pulses.size == 2 * (64 * 6 + 6 * 10)
    for said, had in (
        (wear.set_pulses, pulses.set_pulses),
        (wear.reset_pulses, pulses.reset_pulses),
    ):
        assert said.total == had.sum() > 0
        assert said.mean == pytest.approx(had.mean())
        assert said.largest == had.max()
        within = {float(share): (had <= n).mean() for share, n in said.quantiles.items()}
        assert all(found >= share for share, found in within.items())
    assert wear.updates == pulses.updates == UPDATES


def test_the_lifetime_is_the_endurance_over_the_pulses_of_an_update(folder):
    run = restore(folder)
    wear = run.summary.wear
    pulses = device_pulses(run.trainer.model)
    # The initial weights were written by one RESET of each device.
    trained = pulses.set_pulses.astype(int) + pulses.reset_pulses - 1
    assert wear.pulses_per_update_largest == trained.max() / UPDATES
    assert wear.pulses_per_update_mean == pytest.approx(trained.mean() / UPDATES)
    first = wear.lifetime_updates_largest
    ends = [first.low, first.typical, first.high]
    assert ends == pytest.approx([end * UPDATES / trained.max() for end in (1e6, 1e9, 2e12)])
    assert wear.lifetime_updates_mean.typical == pytest.approx(1e9 * UPDATES / trained.mean())


def test_the_picture_shows_every_device_once(folder, tmp_path):
    run = restore(folder)
    pulses = device_pulses(run.trainer.model)
    for panel, had in zip(
        wear_picture(pulses, run.summary.wear).spec["hconcat"],
        (pulses.set_pulses, pulses.reset_pulses),
        strict=True,
    ):
        bars = panel["layer"][0]["data"]["values"]
        assert sum(bar["devices"] for bar in bars) == had.size
        for bar in bars:
            inside = (had > bar["from"]) & (had < bar["to"])
            assert inside.sum() == bar["devices"]
    assert {f"wear.{kind}" for kind in ("png", "svg", "pdf")} <= {
        file.name for file in draw_run(folder, tmp_path)
    }


def test_counts_go_on_after_a_pause(folder, tmp_path):
    for batches in (7, 8):
        with pytest.raises(Interrupted):
            run_experiment(config_of(), out_dir=tmp_path, resume=True, listener=StopAfter(batches))
    run_experiment(config_of(), out_dir=tmp_path, resume=True)
    assert (tmp_path / "summary.json").read_bytes() == (folder / "summary.json").read_bytes()


def test_a_run_that_does_not_count_has_the_identity_and_the_summary_that_it_had(folder):
    plain = config_of(wear=None)
    assert "wear" not in plain.model_dump()["hardware"]
    assert config_hash(plain) == config_hash(config_of(wear=False)) != config_hash(config_of())
    found = run_experiment(plain).summary
    assert "wear" not in found
    counted = Summary.read(folder / "summary.json").as_dict()
    for values in (found, counted):
        values.pop("wear", None)
        values.pop("config_hash")
    assert found == counted


def test_without_an_update_there_is_no_lifetime():
    with pytest.warns(UserWarning, match=r"training\.epochs is 0"):
        wear = run_experiment(config_of(epochs=0)).result.wear
    assert wear.lifetime_updates_largest is None
    assert (wear.set_pulses.total, wear.reset_pulses.quantiles["0.5"]) == (0, 1)


def test_digital_weights_have_no_devices_to_count():
    with pytest.raises(InputError, match="wear"):
        RunConfig.of({"name": "x", "hardware": {"tile": "digital", "wear": True}})
