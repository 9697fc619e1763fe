from rich.console import Console

from imc_grapes import RunConfig, run_experiment
from imc_grapes.cli.summary_table import print_outcome
from imc_grapes.experiment import Outcome
from imc_grapes.summary import Summary


def test_both_likelihoods_of_chorales_are_printed(tmp_path):
    summary = {
        "name": "music",
        "metric": "nll",
        "test_nll": 8.7051,
        "test_nll_per_chorale": 8.6512,
        "optimizer_state_bytes": 0,
        "drift": [],
    }
    console = Console(record=True, width=120)
    print_outcome(Outcome(Summary.of(summary), [], {}), tmp_path, console)
    first = console.export_text().splitlines()[0]
    assert first == ("music: test NLL 8.705 nats, NLL per chorale 8.651 nats, update state 0 bytes")


def test_the_accuracy_on_every_task_and_what_was_forgotten_are_shown(tmp_path):
    summary = {
        "name": "shuffled",
        "metric": "accuracy",
        "test_accuracy": 0.85,
        "optimizer_state_bytes": 0,
        "task_accuracies": [[0.9012, 0.1], [0.8, 0.9]],
        "forgetting": 0.1012,
        "drift": [],
    }
    console = Console(record=True, width=100)
    print_outcome(Outcome(Summary.of(summary), [], {}), tmp_path, console)
    lines = console.export_text().splitlines()
    assert any("after task" in line for line in lines)
    assert any("90.12" in line and "10.00" in line for line in lines)
    assert "forgetting +10.1 points" in lines


def test_what_the_weights_lie_on_is_said_above_the_scores_over_time(tmp_path):
    config = RunConfig.model_validate(
        {
            "name": "programmed",
            "data": {"train_samples": 60, "test_samples": 30},
            "network": {"kind": "mlp", "hidden": (4,)},
            "training": {"epochs": 1},
            "hardware": {"tile": "digital", "statistics": {}},
            "evaluation": {"times_s": (25.0,), "repeats": 1},
        }
    )
    outcome = run_experiment(config)
    words = "weights alone, pcm_nandakumar2019: no converters, no wires, no array"
    assert outcome.summary["hardware"] == words
    console = Console(record=True, width=100)
    print_outcome(outcome, tmp_path, console)
    assert f"On {words}" in console.export_text()
