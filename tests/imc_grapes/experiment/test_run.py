import json
import random
import resource
import shutil

import pytest
import torch
from stop_after import StopAfter

from crossbar.specs import IOSpec
from imc_grapes import InputError, RunConfig, load_run_config, run_experiment
from imc_grapes.config import config_hash
from imc_grapes.experiment import DivergedError, Interrupted, Listener
from kernels.threads import get_threads, set_threads


def run_config(**sections):
    """A run of three short epochs; sections are merged into it."""
    values = {
        "name": "short",
        "data": {"name": "digits", "batch_size": 16, "train_samples": 100, "test_samples": 50},
        "network": {"kind": "mlp", "hidden": (9, 8)},
        "training": {"epochs": 3},
        "evaluation": {"repeats": 2} if "hardware" in sections else {},
    }
    for section, changes in sections.items():
        old = values.get(section)
        values[section] = {**old, **changes} if isinstance(old, dict) else changes
    return RunConfig.model_validate(values)


def result_bytes(folder):
    return [
        (folder / name).read_bytes() for name in ("summary.json", "metrics.jsonl", "config.yaml")
    ]


def test_the_files_of_a_run(tmp_path):
    config = run_config(training={"epochs": 3, "grapes": {"mode": "propagating"}})
    outcome = run_experiment(config, out_dir=tmp_path / "new" / "run")
    folder = tmp_path / "new" / "run"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "config.yaml",
        "metrics.jsonl",
        "summary.json",
        "measurements.json",
        "checkpoint.pt",
    }
    assert load_run_config(folder / "config.yaml") == config
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == json.loads(json.dumps(outcome.summary))
    assert summary["name"] == "short"
    assert summary["seed"] == 0
    assert summary["config_hash"] == config_hash(config)
    assert {"python", "torch", "aihwkit", "numpy", "numba"} <= set(summary["versions"])
    assert 0 <= summary["test_accuracy"] <= 1
    assert summary["drift"] == []
    assert summary["optimizer_state_bytes"] == 0
    assert summary["grapes_transient_numbers"] == 9 + 8
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    measurements = json.loads((folder / "measurements.json").read_text())
    weights = 64 * 9 + 9 * 8 + 8 * 10
    assert measurements["peak_bytes_of_step"] >= 4 * weights


def disturb():
    torch.manual_seed(random.randrange(2**31))
    torch.set_num_threads(2)


@pytest.mark.parametrize(
    "sections",
    [
        {"training": {"grapes": {"mode": "propagating"}}},
        {"training": {"grapes": {"mode": "local"}, "optimizer": {"name": "adam", "lr": 0.01}}},
        {"network": {"dropout": 0.3, "bias": True}},
        {"network": {"kind": "cnn", "hidden": (5,), "channels": (3,), "batch_norm": True}},
    ],
    ids=["grapes", "adam", "dropout", "cnn"],
)
def test_the_same_config_gives_the_same_bytes_whatever_happened_before(tmp_path, sections):
    if sections.get("network", {}).get("kind") == "cnn":
        config = RunConfig.model_validate(
            {**run_config().model_dump(), "network": sections["network"]}
        )
    else:
        config = run_config(**sections)
    threads = get_threads()
    try:
        for attempt in (1, 2):
            disturb()
            set_threads(attempt)
            run_experiment(config, out_dir=tmp_path / str(attempt))
    finally:
        set_threads(threads)
    assert result_bytes(tmp_path / "1") == result_bytes(tmp_path / "2")


def test_another_seed_is_another_run():
    losses = {
        run_experiment(run_config(seed=seed)).summary["train_loss"] for seed in (0, 1, 2**32 - 1)
    }
    assert len(losses) == 3


@pytest.mark.parametrize("stops", [[1], [6], [7], [3, 4, 2], [18]])
@pytest.mark.parametrize(
    "sections",
    [
        {
            "training": {
                "grapes": {"mode": "propagating"},
                "optimizer": {"lr": 0.2, "lr_decay": 0.5},
            }
        },
        {"network": {"dropout": 0.4}, "training": {"optimizer": {"name": "adam", "lr": 0.01}}},
        {"training": {"optimizer": {"name": "momentum", "lr": 0.05}, "grapes": {"mode": "local"}}},
    ],
    ids=["grapes with decay", "adam with dropout", "local with momentum"],
)
def test_a_run_stopped_anywhere_ends_at_the_same_bytes(tmp_path, sections, stops):
    """90 training images in batches of 16: an epoch has 6 batches, the run 18."""
    config = run_config(**sections)
    run_experiment(config, out_dir=tmp_path / "whole")
    for number, batches in enumerate(stops):
        disturb()
        listener = StopAfter(batches)
        try:
            run_experiment(config, out_dir=tmp_path / "parts", resume=number > 0, listener=listener)
        except Interrupted:
            assert (tmp_path / "parts" / "checkpoint.pt").exists()
            assert not (tmp_path / "parts" / "summary.json").exists()
    disturb()
    run_experiment(config, out_dir=tmp_path / "parts", resume=True)
    assert result_bytes(tmp_path / "parts") == result_bytes(tmp_path / "whole")


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_run_killed_after_its_last_epoch_ends_at_the_same_bytes(tmp_path, optimizer):
    config = run_config(training={"optimizer": {"name": optimizer, "lr": 0.01}})
    run_experiment(config, out_dir=tmp_path)
    expected = result_bytes(tmp_path)
    (tmp_path / "summary.json").unlink()
    (tmp_path / "metrics.jsonl").unlink()
    run_experiment(config, out_dir=tmp_path, resume=True)
    assert result_bytes(tmp_path) == expected


def test_a_finished_run_is_given_back_without_being_run_again(tmp_path):
    config = run_config()
    first = run_experiment(config, out_dir=tmp_path)
    listener = StopAfter(0)
    for resume in (False, True):
        again = run_experiment(config, out_dir=tmp_path, resume=resume, listener=listener)
        assert again.summary == first.summary
        assert again.metrics == first.metrics
        assert again.measurements == first.measurements


def test_the_same_run_in_memory_and_in_a_folder(tmp_path):
    in_memory = run_experiment(run_config())
    assert run_experiment(run_config(), out_dir=tmp_path).summary == in_memory.summary


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not empty and holds no run"):
        run_experiment(run_config(), out_dir=other)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file, not a folder"):
        run_experiment(run_config(), out_dir=tmp_path / "file")
    with pytest.raises(InputError, match="cannot be used for results"):
        run_experiment(run_config(), out_dir=tmp_path / "file" / "inside")
    with pytest.raises(InputError, match="cannot be used for results"):
        run_experiment(run_config(), out_dir=tmp_path / ("x" * 300))
    assert {path.name for path in tmp_path.rglob("*")} == {"other", "thesis.tex", "file"}


def test_a_folder_with_another_run_or_an_unfinished_one_is_not_overwritten(tmp_path):
    with pytest.raises(Interrupted):
        run_experiment(run_config(), out_dir=tmp_path, listener=StopAfter(8))
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(InputError, match="unfinished run of this config; add --resume"):
        run_experiment(run_config(), out_dir=tmp_path)
    with pytest.raises(InputError, match="holds a run of another config"):
        run_experiment(run_config(seed=1), out_dir=tmp_path, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_refused_run_leaves_no_folder_behind(tmp_path):
    wrong = run_config(training={"grapes": {"mode": "local", "exclude": ("nowhere",)}})
    with pytest.raises(InputError, match="'nowhere' is not a layer"):
        run_experiment(wrong, out_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Second(Listener):
    """Starts the same run in the same folder while the first one trains."""

    def __init__(self, config, folder):
        self.config, self.folder, self.said = config, folder, None

    def step(self):
        if self.said is None:
            self.said = ""
            for resume in (True, False):
                try:
                    run_experiment(self.config, out_dir=self.folder, resume=resume)
                except InputError as error:
                    self.said += str(error)


def test_a_folder_in_which_a_run_is_going_on_is_refused_to_others(tmp_path):
    config = run_config()
    second = Second(config, tmp_path / "run")
    outcome = run_experiment(config, out_dir=tmp_path / "run", listener=second)
    assert second.said.count("a run is already running here (process ") == 2
    assert not (tmp_path / "run" / ".run.lock").exists()
    alone = run_experiment(config, out_dir=tmp_path / "alone")
    assert outcome.summary == alone.summary
    assert result_bytes(tmp_path / "run") == result_bytes(tmp_path / "alone")


def test_the_lock_of_a_killed_run_is_no_obstacle(tmp_path):
    tmp_path.joinpath(".run.lock").write_text("process 1 on nowhere")
    run_experiment(run_config(), out_dir=tmp_path)
    assert not (tmp_path / ".run.lock").exists()


class Vanishes(Listener):
    """Takes the folder away in the second epoch."""

    def __init__(self, folder):
        self.folder = folder

    def epoch(self, metrics):
        if metrics.epoch == 2:
            shutil.rmtree(self.folder)


def test_a_folder_that_vanishes_is_one_message(tmp_path):
    with pytest.raises(InputError, match=r"checkpoint\.pt: cannot be written: .*--resume"):
        run_experiment(run_config(), out_dir=tmp_path / "run", listener=Vanishes(tmp_path / "run"))


def test_a_full_disk_is_one_message_and_with_room_again_the_run_goes_on(tmp_path):
    config, whole = run_config(), tmp_path / "whole"
    run_experiment(config, out_dir=whole)
    with pytest.raises(Interrupted):
        run_experiment(config, out_dir=tmp_path / "run", listener=StopAfter(8))
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(InputError, match=r"checkpoint\.pt: cannot be written: .*--resume"):
            run_experiment(config, out_dir=tmp_path / "run", resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before
    assert not list((tmp_path / "run").glob(".*"))
    run_experiment(config, out_dir=tmp_path / "run", resume=True)
    assert result_bytes(tmp_path / "run") == result_bytes(whole)


def test_a_damaged_checkpoint_is_an_error(tmp_path):
    with pytest.raises(Interrupted):
        run_experiment(run_config(), out_dir=tmp_path, listener=StopAfter(8))
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    with pytest.raises(InputError, match=r"checkpoint\.pt: is not a readable checkpoint"):
        run_experiment(run_config(), out_dir=tmp_path, resume=True)
    torch.save([1, 2], checkpoint)
    with pytest.raises(InputError, match=r"checkpoint\.pt: is not a readable checkpoint"):
        run_experiment(run_config(), out_dir=tmp_path, resume=True)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "short"}', "[" * 100_000])
def test_a_damaged_result_is_an_error(tmp_path, text):
    run_experiment(run_config(), out_dir=tmp_path)
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(InputError, match=r"whose files cannot be read \(.*summary\.json: "):
        run_experiment(run_config(), out_dir=tmp_path)


def test_the_learning_rate_decays_after_every_epoch():
    config = run_config(training={"optimizer": {"lr": 0.08, "lr_decay": 0.5}})
    rates = [line["learning_rate"] for line in run_experiment(config).metrics]
    assert rates == pytest.approx([0.08, 0.04, 0.02])


@pytest.mark.parametrize("grapes", ["none", "propagating", "local"])
def test_a_training_that_diverges_says_so(tmp_path, grapes):
    config = run_config(training={"optimizer": {"lr": 1e30}, "grapes": {"mode": grapes}})
    with pytest.raises((DivergedError, ValueError), match="smaller"):
        run_experiment(config, out_dir=tmp_path)
    assert not (tmp_path / "summary.json").exists()


def test_a_listener_hears_every_batch_every_epoch_and_every_read():
    class Counter(Listener):
        def __init__(self):
            self.heard = []

        def stage(self, name, steps, done=0):
            self.heard.append([name, steps, done])

        def step(self):
            self.heard[-1][2] += 1

        def epoch(self, metrics):
            self.heard[-1].append(metrics.epoch)

    listener = Counter()
    hardware = {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"}
    config = run_config(hardware=hardware, evaluation={"times_s": (25.0, 3600.0)})
    run_experiment(config, listener=listener)
    assert listener.heard == [["training", 18, 18, 1, 2, 3], ["drift", 4, 4]]


def test_a_stop_during_the_drift_evaluation_is_heard_and_the_run_can_go_on(tmp_path):
    hardware = {"tile": "aihwkit", "preset": "StandardHWATrainingPreset"}
    config = run_config(hardware=hardware)
    with pytest.raises(Interrupted):
        run_experiment(config, out_dir=tmp_path, listener=StopAfter(19))
    outcome = run_experiment(config, out_dir=tmp_path, resume=True)
    assert len(outcome.metrics) == 3
    assert len(outcome.summary["drift"]) == 10


@pytest.mark.parametrize("preset", ["StandardHWATrainingPreset", "IdealizedPreset", "PCMPreset"])
def test_a_run_on_aihwkit_tiles_goes_on_from_its_weights(tmp_path, preset):
    config = run_config(
        hardware={"tile": "aihwkit", "preset": preset, "array": {"rows": 32, "columns": 8}},
        training={"epochs": 6, "optimizer": {"lr": 0.2}},
        data={"train_samples": 600, "test_samples": None},
    )
    with pytest.raises(Interrupted):
        run_experiment(config, out_dir=tmp_path, listener=StopAfter(34 * 4 + 3))
    metrics = run_experiment(config, out_dir=tmp_path, resume=True).metrics
    losses = [line["train_loss"] for line in metrics]
    assert len(losses) == 6
    assert losses[5] < losses[0]
    assert losses[4] < losses[0]


@pytest.mark.parametrize("kinds", [("none",), ("global",), ("global", "none")])
def test_a_drift_point_per_time_and_compensation(kinds):
    config = run_config(
        hardware={"tile": "aihwkit", "preset": "StandardHWATrainingPreset"},
        evaluation={
            "times_s": (3.2e7, 25.0),
            "drift_compensation": kinds[0] if len(kinds) == 1 else "both",
        },
    )
    points = run_experiment(config).summary["drift"]
    found = [(point["time_s"], point["compensation"]) for point in points]
    assert found == [(time_s, kind) for time_s in (25.0, 3.2e7) for kind in kinds]
    for point in points:
        assert 0 <= point["mean"] <= 1
        assert point["std"] >= 0


def test_compensation_undoes_the_mean_drift_of_the_outputs():
    """After 30 years an uncompensated network of three layers has lost most of its signal."""
    config = run_config(
        data={"train_samples": 1000, "test_samples": None},
        network={"hidden": (32, 32), "bias": True},
        hardware={"tile": "aihwkit", "preset": "StandardHWATrainingPreset"},
        training={"epochs": 8, "optimizer": {"lr": 0.1}},
        evaluation={"times_s": (1e9,), "repeats": 4},
    )
    compensated, plain = (point["mean"] for point in run_experiment(config).summary["drift"])
    assert compensated > plain


def test_the_digits_config_reaches_its_accuracy_and_repeats_to_the_byte(tmp_path, request):
    config = load_run_config(request.config.rootpath / "configs" / "digits.yaml")
    assert config.hardware.tile == "digital"
    for attempt in ("1", "2"):
        run_experiment(config, out_dir=tmp_path / attempt)
    assert json.loads((tmp_path / "1" / "summary.json").read_text())["test_accuracy"] >= 0.95
    assert result_bytes(tmp_path / "1") == result_bytes(tmp_path / "2")


@pytest.mark.parametrize("spread", [None, 0.0])
def test_a_year_costs_a_network_trained_in_place_what_its_exponents_spread(spread, request):
    """With one exponent for all devices all weights shrink alike, and compensation undoes that."""
    config = load_run_config(request.config.rootpath / "configs" / "digits_pcm_in_place.yaml")
    device = {} if spread is None else {"drift_nu_std": spread}
    device = config.hardware.device.model_copy(update=device)
    config = config.model_copy(
        update={
            "hardware": config.hardware.model_copy(
                update={"device": device, "io": IOSpec(perfect=True)}
            ),
            "evaluation": config.evaluation.model_copy(
                update={
                    "times_s": (25.0, 31_536_000.0),
                    "repeats": 1,
                    "drift_compensation": ("global",),
                    "read_noise": False,
                }
            ),
        }
    )
    summary = run_experiment(config).summary
    early, late = (point["mean"] for point in summary["drift"])
    assert early == summary["test_accuracy"]
    if spread is None:
        assert early - late > 0.008
    else:
        # Rounding may turn one of 360 images.
        assert late == pytest.approx(early, abs=0.003)


@pytest.mark.parametrize("model", ["exp_step", "linear"])
def test_a_device_model_without_drift_says_why_nothing_is_tested_later(model):
    hardware = {"tile": "pcm", "device": {"model": model}}
    summary = run_experiment(run_config(hardware=hardware, evaluation={"repeats": 10})).summary
    assert summary["drift"] == []
    assert summary["no_drift_why"].startswith(f"the model {model} has no drift law")
    drifting = {"tile": "pcm", "statistics": {"preset": "ideal"}}
    summary = run_experiment(run_config(hardware=drifting)).summary
    assert summary["drift"]
    assert summary["no_drift_why"] is None
