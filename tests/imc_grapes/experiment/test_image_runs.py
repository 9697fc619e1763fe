"""Whole runs on images that are deformed, or learned as several tasks; and what summaries say of learning."""

import json

import pytest
import torch
from stop_after import StopAfter

from imc_grapes import RunConfig, run_experiment
from imc_grapes.experiment import Interrupted, Listener

DEFORM = {"rotation_deg": 10, "shift": 0.1, "shear_deg": 5, "zoom": 0.1, "elastic": 0.5}
HWA = {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}}
PCM = {"tile": "pcm", "device": {"model": "nandakumar2018"}}


def config(data=None, training=None, **sections):
    """90 training images in batches of 16: 6 batches an epoch."""
    return RunConfig.model_validate(
        {
            "name": "short",
            "data": {"batch_size": 16, "train_samples": 100, "test_samples": 50, **(data or {})},
            "network": {"kind": "mlp", "hidden": (9, 8), "dropout": 0.2},
            "training": {
                "epochs": 2,
                "optimizer": {"name": "momentum", "lr": 0.02, "lr_decay": 0.9},
                **(training or {}),
            },
            "evaluation": {"repeats": 2},
            **sections,
        }
    )


def result_bytes(folder):
    return [
        (folder / name).read_bytes() for name in ("summary.json", "metrics.jsonl", "config.yaml")
    ]


SGD = {"optimizer": {"name": "sgd", "lr": 0.1}, "grapes": {"mode": "propagating"}}
CASES = {
    "tasks": config({"tasks": {"permuted": 3}}),
    "tasks by pulses": config({"tasks": {"permuted": 2}}, {**SGD, "epochs": 1}, hardware=PCM),
    "deformed": config({"augmentation": DEFORM}),
}


@pytest.mark.parametrize(
    ("case", "stops"),
    [("tasks", [7, 5, 1, 20]), ("tasks", [12, 12]), ("tasks by pulses", [6]), ("deformed", [4, 3])],
)
def test_a_run_stopped_anywhere_ends_at_the_same_bytes(tmp_path, case, stops):
    run_experiment(CASES[case], out_dir=tmp_path / "whole")
    for number, batches in enumerate(stops):
        torch.manual_seed(number)
        with pytest.raises(Interrupted):
            run_experiment(
                CASES[case],
                out_dir=tmp_path / "parts",
                resume=number > 0,
                listener=StopAfter(batches),
            )
    run_experiment(CASES[case], out_dir=tmp_path / "parts", resume=True)
    run_experiment(CASES[case], out_dir=tmp_path / "again")
    whole = result_bytes(tmp_path / "whole")
    assert result_bytes(tmp_path / "parts") == whole
    assert result_bytes(tmp_path / "again") == whole


def test_what_is_written_of_several_tasks(tmp_path):
    class Counter(Listener):
        steps = total = 0

        def stage(self, name, steps, done=0):
            self.total = steps

        def step(self):
            self.steps += 1

    listener = Counter()
    outcome = run_experiment(CASES["tasks"], out_dir=tmp_path, listener=listener)
    assert listener.steps == listener.total == 3 * 2 * 6
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["task"]) for line in lines] == [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (6, 3),
    ]
    summary = outcome.summary
    assert summary["task_accuracies"] == [lines[n]["test_accuracy_by_task"] for n in (1, 3, 5)]
    assert summary["average_accuracy"] == summary["test_accuracy"] == lines[-1]["test_accuracy"]
    one, two, three = summary["task_accuracies"]
    forgotten = max(one[0], two[0]) - three[0] + max(one[1], two[1]) - three[1]
    assert summary["forgetting"] == pytest.approx(forgotten / 2)
    assert "slowness" not in summary


def test_tasks_are_learned_one_after_another_and_the_optimizer_goes_on():
    """Digits with momentum: each task is learned when its turn comes, not before, and then forgotten a little."""
    learned = config(
        {"tasks": {"permuted": 3}, "train_samples": None, "test_samples": None},
        {"epochs": 3, "optimizer": {"name": "momentum", "lr": 0.05}},
        network={"kind": "mlp", "hidden": (64,)},
    )
    summary = run_experiment(learned).summary
    for trained, row in enumerate(summary["task_accuracies"]):
        assert row[trained] > 0.85
        assert max(row[trained + 1 :], default=0.0) < 0.35
    assert summary["forgetting"] > 0.0


@pytest.mark.parametrize("hardware", [HWA, PCM], ids=["hwa", "pcm"])
def test_several_tasks_are_tested_again_as_devices_drift(hardware):
    run = config(
        {"tasks": {"permuted": 2}},
        {**SGD, "epochs": 1},
        hardware=hardware,
        evaluation={"times_s": (25.0, 3600.0), "repeats": 1, "drift_compensation": "none"},
    )
    summary = run_experiment(run).summary
    assert len(summary["task_accuracies"]) == 2
    assert [point["time_s"] for point in summary["drift"]] == [25.0, 3600.0]


def test_augmentation_changes_the_training_and_nothing_it_is_tested_on():
    plain, deformed = (config(data) for data in (None, {"augmentation": DEFORM}))
    first, second = (run_experiment(run).metrics[0] for run in (plain, deformed))
    assert first["train_loss"] != second["train_loss"]
    assert run_experiment(deformed).metrics[0] == second


def test_how_fast_a_network_learned_is_in_its_summary():
    run = config(
        {"train_samples": None, "test_samples": None},
        {"epochs": 5},
        evaluation={"target_accuracy": 0.8},
    )
    outcome = run_experiment(run)
    summary, curve = outcome.summary, [line["test_accuracy"] for line in outcome.metrics]
    fitted = [
        summary["accuracy_max"] * epoch / (summary["slowness"] + epoch) for epoch in range(1, 6)
    ]
    rmse = (sum((a - b) ** 2 for a, b in zip(fitted, curve, strict=True)) / 5) ** 0.5
    assert rmse == pytest.approx(summary["slowness_rmse"])
    assert rmse < 0.1
    assert summary["slowness_error"] > 0
    reached = [line["validation_accuracy"] >= 0.8 for line in outcome.metrics]
    assert summary["epochs_to_target"] == (reached.index(True) + 1 if any(reached) else None)


def test_two_epochs_are_too_few_for_a_slowness():
    summary = run_experiment(config()).summary
    assert summary["slowness"] is None
    assert "epochs_to_target" not in summary
