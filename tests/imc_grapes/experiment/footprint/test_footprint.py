"""`imc-grapes footprint` from end to end, and the measurements behind it."""

import gc
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from crossbar.costs import ArrayLimits, Method, network_cost
from imc_grapes.cli.app import app
from imc_grapes.config import config_hash, load_run_config
from imc_grapes.data.load import load_dataset
from imc_grapes.experiment import run_experiment
from imc_grapes.experiment.assemble import prepare
from imc_grapes.experiment.footprint import measure_footprint
from imc_grapes.experiment.footprint.host import Start, _go_on_from, measure_method
from imc_grapes.experiment.footprint.methods import compared_methods
from imc_grapes.experiment.footprint.published_networks import PUBLISHED_NETWORKS
from imc_grapes.experiment.footprint.sample_data import sample_data
from imc_grapes.experiment.listener import Listener
from imc_grapes.pictures.footprint.chosen import shown_methods
from imc_grapes.training.checkpoint import load_checkpoint
from imc_grapes.training.loop import training_step
from kernels.errors import InputError

CONFIG = Path(__file__).parents[4] / "configs" / "mnist_pcm.yaml"
WEIGHTS = 784 * 250 + 250 * 10
DIGITS = [
    "data.name=digits",
    "network.hidden=[12]",
    "data.batch_size=16",
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    own = tmp_path_factory.mktemp("constants") / "own.yaml"
    own.write_text(
        "clock_ns: {low: 1, typical: 2, high: 3, unit: ns, source: our own chip}\n"
        "endurance_writes: {low: 1e9, typical: 1e8, high: 1e7, unit: writes, source: our own cells}\n"
    )
    result = CliRunner().invoke(
        app,
        [
            "footprint",
            str(CONFIG),
            "--json",
            "--out",
            str(folder),
            "--updates",
            "3",
            "--after",
            "2",
            "--node",
            "7",
            "--constants",
            str(own),
        ],
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), folder


def named(found, name, periphery):
    return next(
        one for one in found["methods"] if (one["name"], one["periphery"]) == (name, periphery)
    )


def test_every_method_has_every_figure(found):
    methods = found[0]["methods"]
    assert {(one["name"], one["periphery"]) for one in methods} == {
        *((name, "pulsed") for name in ("sgd", "grapes", "lr_matched")),
        *((name, "accumulated") for name in ("sgd", "grapes", "lr_matched")),
        *((name, "accumulated") for name in ("momentum", "nag", "rmsprop", "adam")),
        *((name, "accumulated") for name in ("adafactor", "lion", "scale", "sm3")),
        *(
            (name, periphery)
            for name in ("column_norm", "sign_sgd", "sinkgd")
            for periphery in ("pulsed", "accumulated")
        ),
        ("sgd", "tiki_taka"),
        ("sgd", "ttv2"),
    }
    for one in methods:
        energy = one["energy_pJ_per_update"]
        assert 0.0 < energy["low"] < energy["typical"] < energy["high"]
        assert one["time_ns_per_update"] > 0.0
        assert one["register_bits"] > 0
        assert one["host_step_peak_bytes_measured"] > 0
        assert one["host_state_bytes_measured"] == sum(one["host_state_arrays"].values())


def test_bits_of_state_are_those_of_the_textbook(found):
    for one in found[0]["methods"]:
        if one["periphery"] == "pulsed":
            assert one["state_bits"] == one["accumulator_bits"] == 0
            assert one["host_state_bytes_measured"] == 0
    momentum, adam = (named(found[0], name, "accumulated") for name in ("momentum", "adam"))
    assert momentum["state_bits"] == WEIGHTS * momentum["word_bits"]
    assert adam["state_bits"] == 2 * WEIGHTS * adam["word_bits"]
    sm3, scale = (named(found[0], name, "accumulated") for name in ("sm3", "scale"))
    # On two arrays of 392 inputs, and on one.
    assert sm3["state_bits"] == (2 * (250 + 392) + 10 + 250) * sm3["word_bits"]
    assert scale["state_bits"] == 250 * 10 * scale["word_bits"]
    assert found[0]["weights"] == WEIGHTS


def test_grapes_is_there_with_each_readout_its_own_first(found):
    kinds = [
        one["readout"]["kind"]
        for one in found[0]["methods"]
        if (one["name"], one["periphery"]) == ("grapes", "pulsed")
    ]
    assert kinds == ["column_current", "per_device", "probe"]


def test_squares_and_published_networks_are_priced(found):
    squares = found[0]["squares"]
    assert (next(iter(squares)), list(squares)[-1]) == ("64", "16384")
    adam = [sizes["Adam, accumulated"]["state_bits"] for sizes in squares.values()]
    assert adam == [2 * 32 * int(size) ** 2 for size in squares]
    assert set(found[0]["networks"]) == set(PUBLISHED_NETWORKS)


def test_the_pictures_are_drawn(found):
    names = {path.name for path in found[1].iterdir()}
    for name in (
        "update-bits",
        "update-energy",
        "scaling",
        "networks",
        "devices-or-digital",
        "wear",
    ):
        assert {f"{name}.png", f"{name}.svg", f"{name}.pdf"} <= names


def test_whose_prices_these_are_is_said(found):
    said = found[0]
    assert said["node_nm"] == 7
    assert "fp32_add_pJ" in said["scaled_to_node"]
    assert "set_pulse_pJ" not in said["scaled_to_node"]
    assert {name: one["source"] for name, one in said["own_constants"].items()} == {
        "clock_ns": "our own chip",
        "endurance_writes": "our own cells",
    }
    sgd = named(said, "sgd", "pulsed")
    vectors, rows = said["batch_size"], 392
    assert sgd["time_ns_per_update_by_part"]["gradient"]["typical"] == 2.0 * vectors * rows


def test_pulses_of_the_devices_are_those_of_the_counters(found):
    for one in found[0]["methods"]:
        per_weight = {
            kind: sum(
                found_in[kind] * layer["n_in"] * layer["n_out"]
                for layer in found[0]["layers"]
                for found_in in (one["activity_per_weight"][layer["name"]],)
            )
            for kind in ("pulses", "refresh_pulses", "refreshes")
        }
        by_pulses = one["devices_by_pulses"]
        devices = sum(by_pulses)
        assert devices == 2 * WEIGHTS * (2 if one["periphery"] in ("tiki_taka", "ttv2") else 1)
        sets = per_weight["pulses"] + per_weight["refresh_pulses"]
        assert one["set_pulses_per_device"] * devices == pytest.approx(sets)
        assert one["reset_pulses_per_device"] * devices == pytest.approx(
            2 * per_weight["refreshes"]
        )
        every = sum(pulses * count for pulses, count in enumerate(by_pulses))
        assert every == pytest.approx(3 * (sets + 2 * per_weight["refreshes"]))
        largest = one["largest_pulses_per_device"]
        assert largest == (len(by_pulses) - 1) / 3
        if largest:
            assert one["lifetime_updates"]["low"] == pytest.approx(1e7 / largest)
            assert one["lifetime_updates"]["high"] == pytest.approx(1e9 / largest)


def walked_bytes(trainer):
    """Every array of the size of a tile that lives in the update circuits: found by walking over live objects."""
    arrays = {}
    for module in trainer.model.modules():
        periphery = getattr(getattr(module, "tile", None), "periphery", None)
        if periphery is None:
            continue
        devices = {id(array) for array in vars(module.tile.devices).values()}
        waiting, seen = [periphery], set()
        while waiting:
            one = waiting.pop()
            if id(one) in seen or isinstance(one, type) or id(one) in devices:
                continue
            seen.add(id(one))
            if isinstance(one, np.ndarray):
                arrays[id(one)] = one.nbytes
            elif one is not module.tile.devices and not callable(one):
                waiting += [
                    inner
                    for inner in gc.get_referents(one)
                    if isinstance(inner, dict | list | tuple | np.ndarray)
                    or type(inner).__module__.startswith("crossbar.chi")
                ]
    in_torch = sum(
        value.numel() * value.element_size()
        for held in trainer.optimizer.state.values()
        for value in held.values()
        if isinstance(value, torch.Tensor)
    )
    return sum(arrays.values()) + in_torch


@pytest.mark.parametrize(("name", "bytes_per_weight"), [("sgd", 2), ("momentum", 6), ("adam", 10)])
def test_bytes_on_the_host_are_those_of_a_walk_over_live_objects(found, name, bytes_per_weight):
    compared = next(
        one
        for one in compared_methods(load_run_config(CONFIG, []))
        if (one.method.name, one.method.update.kind) == (name, "accumulated")
    )
    sample = sample_data(compared.config, 1, Path("/nowhere"))
    trainer, _ = prepare(compared.config, sample.dataset, Listener())
    (batch,) = sample.dataset.train.batches(64, None)
    training_step(trainer.model, trainer.optimizer, batch, trainer.task)
    walked = walked_bytes(trainer)
    assert walked == bytes_per_weight * WEIGHTS
    assert named(found[0], name, "accumulated")["host_state_bytes_measured"] == walked


def test_pricing_while_training_changes_no_bit():
    config = load_run_config(CONFIG, DIGITS)
    method = Method(
        name="grapes",
        update=config.hardware.update,
        readout=config.training.grapes.readout,
        factor_bits=4,
    )
    sample = sample_data(config, 6, None)

    def trained(updates, priced):
        trainer, _ = prepare(config, sample.dataset, Listener())
        losses = []
        for batch in list(sample.dataset.train.batches(16, None))[:updates]:
            losses.append(training_step(trainer.model, trainer.optimizer, batch, trainer.task).mean)
            if priced:
                host = measure_method(config, sample.dataset, 2)
                network_cost(host.layers, method, 16, host.activity, ArrayLimits())
        tiles = [m for m in trainer.model.modules() if hasattr(m, "g_plus")]
        return losses, [tile.g_plus.copy() for tile in tiles]

    plain, priced = trained(4, False), trained(4, True)
    assert plain[0] == priced[0]
    for one, other in zip(plain[1], priced[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_digital_weights_have_no_footprint():
    with pytest.raises(InputError, match=r"hardware\.tile"):
        compared_methods(
            load_run_config(CONFIG.parent / "digits.yaml", ["training.grapes.mode=none"])
        )


def test_what_the_config_trains_with_keeps_its_learning_rate():
    config = load_run_config(CONFIG, ["training.optimizer.lr=0.123"])
    rates = {
        (one.method.name, one.method.update.kind): one.config.training.optimizer.lr
        for one in compared_methods(config)
    }
    assert rates["grapes", "pulsed"] == 0.123
    assert rates["adam", "accumulated"] != 0.123


def test_published_networks_have_their_published_sizes():
    weights = {
        name: sum(layer.weights for layer in layers) for name, layers in PUBLISHED_NETWORKS.items()
    }
    assert weights["ResNet-18"] == 11_678_912
    assert weights["GPT-2 small, one block"] == 12 * 768 * 768
    assert weights["LeNet-5"] == 150 + 2400 + 48_000 + 10_080 + 840


def test_images_that_are_not_there_are_replaced_by_random_ones(tmp_path, monkeypatch):
    monkeypatch.delenv("IMC_GRAPES_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    sample = sample_data(load_run_config(CONFIG, []), 2, tmp_path)
    assert sample.dataset.image_shape == (1, 28, 28)
    assert len(sample.dataset.train) == 128
    assert "random" in sample.source


@pytest.mark.parametrize("transport", ["bp", "fa", "dfa"])
def test_feedback_weights_of_an_error_transport_are_priced(transport):
    config = load_run_config(
        CONFIG,
        [
            *DIGITS,
            "network.hidden=[12,11]",
            "training.grapes.readout={kind: per_device}",
            f"training.error_transport={transport}",
        ],
    )
    compared = [one for one in compared_methods(config) if one.method.name == "grapes"]
    if transport == "dfa":
        assert {one.method.readout.kind for one in compared} == {"per_device"}
    dataset = sample_data(config, 2, None).dataset
    host = measure_method(compared[0].config, dataset, 2)
    assert [(one.name, one.n_errors, one.n_received) for one in host.feedback] == {
        "bp": [],
        "fa": [("3", 11, 12), ("5", 10, 11)],
        "dfa": [("3", 10, 12), ("5", 10, 11)],
    }[transport]


def pulses_of(model):
    return {
        name: module.counters["pulses"]
        for name, module in model.named_modules()
        if hasattr(module, "g_plus")
    }


def test_pulses_are_those_of_the_last_updates_of_a_training():
    """Against the same training by a plain loop: an epoch of 5 mini-batches, then two of the next, decayed."""
    config = load_run_config(
        CONFIG, [*DIGITS, "training.optimizer.lr_decay=0.5", "training.epochs=2"]
    )
    sample = sample_data(config, 5, None)
    trainer, _ = prepare(config, sample.dataset, Listener())
    trainer.model.train()
    found = []
    for _ in range(2):
        for batch in sample.dataset.train.batches(16, trainer.order):
            training_step(trainer.model, trainer.optimizer, batch, trainer.task)
            found.append(pulses_of(trainer.model))
        for group in trainer.optimizer.param_groups:
            group["lr"] *= 0.5
    host = measure_method(config, sample.dataset, 4, after=3)
    for layer in host.layers:
        (tile,) = (name for name in found[0] if name.startswith(f"{layer.name}."))
        expected = (found[6][tile] - found[2][tile]) / (4 * layer.weights)
        assert host.activity[layer.name].pulses == pytest.approx(expected, rel=1e-12)
    assert expected > 0.0
    first = measure_method(config, sample.dataset, 3)
    assert first.activity["3"].pulses == pytest.approx(found[2]["3.analog_module"] / (3 * 12 * 10))


def test_the_first_layer_sends_no_error():
    config = load_run_config(CONFIG, [*DIGITS, "network.hidden=[12,11]"])
    host = measure_method(config, sample_data(config, 2, None).dataset, 2)
    assert [layer.sends_error for layer in host.layers] == [False, True, True]


def test_any_rule_goes_on_from_the_network_of_a_run(tmp_path):
    config = load_run_config(
        CONFIG,
        [*DIGITS, "training.epochs=3", "training.optimizer.lr_decay=0.5", "evaluation.repeats=1"],
    )
    run_experiment(config, out_dir=tmp_path / "run")
    start = Start(config, tmp_path / "run" / "checkpoint.pt")
    dataset = load_dataset(config.data, 0, None)
    ran, _ = prepare(config, dataset, Listener())
    load_checkpoint(ran, config_hash(config), start.checkpoint)
    trained = {n: m for n, m in ran.model.named_modules() if hasattr(m, "g_plus")}
    for one in compared_methods(config):
        if one.method.name not in ("sgd", "adam"):
            continue
        trainer, _ = prepare(one.config, dataset, Listener())
        lr = trainer.optimizer.param_groups[0]["lr"]
        _go_on_from(start, trainer)
        for name, module in trainer.model.named_modules():
            if hasattr(module, "g_plus"):
                np.testing.assert_array_equal(module.g_plus, trained[name].g_plus)
                np.testing.assert_array_equal(module.g_minus, trained[name].g_minus)
                assert module.counters["updates"] == 0
        given = dict(ran.model.named_parameters())
        for name, parameter in trainer.model.named_parameters():
            assert "analog_ctx" in name or torch.equal(parameter, given[name])
        assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(lr * 0.5**3)
        host = measure_method(one.config, dataset, 2, after=2, start=start)
        new = measure_method(one.config, dataset, 2)
        assert host.train_loss < 0.7 * new.train_loss


def test_a_run_of_another_config_is_refused(tmp_path):
    config = load_run_config(CONFIG, [*DIGITS, "training.epochs=1"])
    with pytest.raises(InputError, match="no checkpoint"):
        measure_footprint(config, run=tmp_path)


def test_a_training_that_diverges_is_an_input_error():
    config = load_run_config(
        CONFIG, [*DIGITS, "training.optimizer.lr=1e30", "hardware.array.weight_range=1e30"]
    )
    dataset = sample_data(config, 9, None).dataset
    with pytest.raises(InputError, match="--after"):
        measure_method(config, dataset, 2, after=7)


def test_rules_on_the_same_circuits_come_first(found):
    """GRAPES stands beside SGD on the same circuits, and what both pay is the same."""
    for periphery in ("pulsed", "accumulated"):
        sgd, grapes = (named(found[0], name, periphery) for name in ("sgd", "grapes"))
        assert sgd["energy_to_sgd_on_the_same_circuits"] == 1.0
        ratio = grapes["energy_pJ_per_update"]["typical"] / sgd["energy_pJ_per_update"]["typical"]
        assert grapes["energy_to_sgd_on_the_same_circuits"] == pytest.approx(ratio)
        assert 1.0 < ratio < 1.05
        for one in (sgd, grapes):
            parts = one["energy_pJ_per_update_by_part"]
            shared = sum(parts[part]["typical"] for part in found[0]["shared_parts"])
            assert one["energy_pJ_per_update_shared"]["typical"] == pytest.approx(shared)
            assert one["operand_bits"] == 8
    assert found[0]["updates_before"] == 2


def test_charts_show_every_rule_on_each_of_its_circuits():
    config = load_run_config(CONFIG, DIGITS)
    methods = [SimpleNamespace(compared=one) for one in compared_methods(config)]
    shown = shown_methods(SimpleNamespace(methods=methods))
    assert [one.compared.label for one in shown] == [
        "SGD, pulsed",
        "GRAPES, column_current, pulsed",
        "column norm, pulsed",
        "signSGD, pulsed",
        "SinkGD, pulsed",
        "SGD, accumulated",
        "GRAPES, column_current, accumulated",
        "column norm, accumulated",
        "signSGD, accumulated",
        "SinkGD, accumulated",
        "Adafactor, accumulated",
        "SM3, accumulated",
        "Lion, accumulated",
        "momentum, accumulated",
        "NAG, accumulated",
        "RMSprop, accumulated",
        "SCALE, accumulated",
        "Adam, accumulated",
        "SGD, tiki_taka",
        "SGD, ttv2",
    ]


def test_every_method_multiplies_operands_of_the_configs_word_length():
    for given in (8, 4, None):
        text = "null" if given is None else str(given)
        config = load_run_config(CONFIG, [f"hardware.update.operand_bits={text}"])
        for one in compared_methods(config):
            assert one.method.operand_bits == given
            assert one.config.hardware.update.operand_bits == given


def test_updates_that_are_computed_digitally_have_no_price_on_the_array(tmp_path):
    config = tmp_path / "software.yaml"
    config.write_text("name: x\nhardware: {tile: pcm, update: {kind: software}}\n")
    result = CliRunner().invoke(app, ["footprint", str(config)])
    assert isinstance(result.exception, InputError)
    assert "hardware.update.kind: a footprint prices updates on the array" in str(result.exception)
