"""Exit status and messages of the commands, called in this process."""

import json
import subprocess
import sys

import pytest

from imc_grapes.cli.app import main

SMALL = """\
name: small
data: {name: digits, train_samples: 60, test_samples: 30}
network: {kind: mlp, hidden: [6, 5]}
training: {epochs: 1}
"""


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Call ``imc-grapes`` with arguments in an empty folder; gives status, output and messages."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMC_GRAPES_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["imc-grapes", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as exit_:
            status = exit_.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err + printed.out
        return status, printed.out, printed.err

    return call


@pytest.fixture
def write(tmp_path):
    def write(text, name="run.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL + "sede: 1\n", "run.yaml:5: sede: unknown key"),
        (SMALL + "seed: '1'\n", "run.yaml:5: seed: input should be a valid integer (got '1')"),
        ("name: x\ntraining:\n  optimizer: {lr: -0.1}\n", "run.yaml:3: training.optimizer.lr: "),
        (
            "name: x\nhardware: {tile: aihwkit, preset: PCMPrset}\n",
            "run.yaml:2: hardware.preset: 'PCMPrset' is no preset of aihwkit; did you mean PCMPreset",
        ),
        ("name: x\ndata: {name: mnist}\n", "data set 'mnist' not found"),
        ("", "run.yaml: is empty"),
        ("name: [x\n", "not valid YAML"),
        ("name: 'x\n", "not valid YAML"),
        ("- name\n", "must hold a mapping"),
        (
            "name: x\nhardware: {tile: aihwkit, preset: PCMPreset}\n"
            "training: {optimizer: {name: momentum}}\n",
            "run.yaml:3: training.optimizer.name: PCMPreset",
        ),
        (
            "name: x\nevaluation: {times_s: [25]}\n",
            "run.yaml:2: evaluation.times_s: digital weights",
        ),
        (
            "name: x\nnetwork: {kind: mlp, hidden: []}\ntraining: {grapes: {mode: local}}\n",
            "GRAPES has no layer to act on",
        ),
        ("name: x\nnetwork: {kind: cnn, channels: [2, 2, 2, 2]}\n", "network.channels: 4 poolings"),
        ("name: x\ndata: {train_samples: 100000}\n", "data.train_samples: 100000 is more than"),
    ],
)
def test_bad_input_is_one_message_and_status_2(cli, write, tmp_path, text, message):
    status, output, errors = cli("run", write(text), "--out", tmp_path / "out")
    assert status == 2
    assert output == ""
    assert errors.startswith("error: ")
    assert message in errors
    assert not (tmp_path / "out").exists()


def test_paths_that_are_no_config(cli, tmp_path):
    assert "is a directory" in cli("run", tmp_path)[2]
    status, _, errors = cli("run", tmp_path / "nothere.yaml")
    assert status == 2
    assert "nothere.yaml: no such file" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--set", "training.optimizer.lr=-1"],
            "--set training.optimizer.lr=-1: training.optimizer",
        ),
        (["--set", "training.optimiser.lr=1"], "unknown key"),
        (["--set", "seed"], "must have the form key=value"),
        (["--data-dir", "nowhere"], "nowhere"),
        (["--out", "run.yaml"], "is a file, not a folder"),
        (["--out", "run.yaml/inside"], "cannot be used for results"),
        (["--unknown"], "--unknown"),
    ],
)
def test_bad_options_are_status_2(cli, write, arguments, message):
    status, _, errors = cli("run", write(SMALL), *arguments)
    assert status == 2
    assert message in errors


def test_several_problems_are_reported_in_one_message(cli, write):
    _, _, errors = cli("run", write("name: x\nseed: -1\ntraining: {epochs: -1}\n"))
    assert errors.count("run.yaml:") == 2


def test_a_run_writes_its_results_and_says_where(cli, write, tmp_path):
    text = SMALL.replace("epochs: 1", "epochs: 2, optimizer: {lr: 1e-3}, grapes: {mode: off}")
    status, output, errors = cli("run", write(text), "--out", "results/one")
    assert status == 0
    assert "test accuracy" in output
    assert "results/one" in output
    assert "epoch 2: loss" in errors
    summary = json.loads((tmp_path / "results/one/summary.json").read_text())
    assert summary["name"] == "small"
    assert len((tmp_path / "results/one/metrics.jsonl").read_text().splitlines()) == 2


def test_without_out_the_folder_is_named_after_the_run(cli, write, tmp_path):
    assert cli("run", write(SMALL.replace("small", "a/b [c]")))[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    assert folder.name == f"a-b--c--{summary['config_hash']}"


def test_running_again_gives_the_finished_result_and_another_config_is_refused(cli, write):
    path = write(SMALL)
    first = cli("run", path, "--out", "one")
    assert cli("run", path, "--out", "one") == (0, first[1], "")
    assert cli("run", path, "--out", "one", "--resume")[0] == 0
    status, _, errors = cli("run", path, "--out", "one", "--set", "seed=1")
    assert status == 2
    assert "holds a run of another config" in errors


def test_drift_is_shown_as_a_table(cli, write):
    text = SMALL + "hardware: {tile: aihwkit, preset: StandardHWATrainingPreset}\n"
    status, output, _ = cli("run", write(text), "--set", "evaluation.repeats=2")
    assert status == 0
    for word in ("25 s", "1 hour", "1 day", "1 month", "1 year", "no compensation", "global"):
        assert word in output


def test_a_training_that_diverges_is_status_1(cli, write):
    wild = ["--set", "training.optimizer.lr=1e30", "--set", "training.epochs=20"]
    status, _, errors = cli("run", write(SMALL), *wild)
    assert status == 1
    assert "failed: the loss became" in errors
    assert "smaller training.optimizer.lr" in errors


def test_the_schema_is_json_with_every_section_described(cli):
    status, output, _ = cli("schema")
    assert status == 0
    schema = json.loads(output)
    assert {"name", "seed", "data", "network", "hardware", "training"} <= set(schema["properties"])
    assert schema["properties"]["seed"]["description"]
    assert schema["additionalProperties"] is False


def test_presets_are_listed_as_a_table_and_as_json(cli):
    status, output, _ = cli("presets")
    assert status == 0
    assert "StandardHWATrainingPreset" in output
    status, output, _ = cli("presets", "--json")
    assert status == 0
    assert "MixedPrecisionPCMPreset" in json.dumps(json.loads(output))


@pytest.mark.parametrize("command", ["run", "sweep", "presets", "schema", "doctor"])
def test_every_command_explains_itself(cli, command):
    status, output, _ = cli(command, "--help")
    assert status == 0
    assert "Usage: imc-grapes" in output


def test_without_arguments_the_commands_are_listed(cli):
    status, output, errors = cli()
    assert status in (0, 2)
    assert "presets" in output + errors


def test_an_unknown_command_is_status_2(cli):
    assert cli("rum")[0] == 2


def test_what_only_reads_configs_and_results_does_not_wait_for_torch():
    code = "import sys, imc_grapes.report, imc_grapes.sweep.run; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_a_plugin_behind_the_command_is_told_where_it_belongs(cli, write):
    status, _, errors = cli("run", "--plugin", "mine.py", write(SMALL))
    assert status == 2
    assert "--plugin: stands before the command" in errors
    assert "No such option: --plug" in cli("run", "--plug", "mine.py", write(SMALL))[2]


def test_a_network_that_is_not_trained_says_so(cli, write):
    text = SMALL.replace("epochs: 1", "epochs: 0")
    with pytest.warns(UserWarning, match="network.weights names no file"):
        status, printed, _ = cli("run", write(text))
    assert status == 0
    assert printed.startswith("small (not trained): test accuracy")
    text = text.replace("{epochs: 0}", "{epochs: 0, optimizer: {lr: 1}, grapes: {mode: local}}")
    status, _, errors = cli("run", write(text))
    assert status == 2
    for key in ("optimizer", "grapes.mode"):
        assert f"training.{key}: is about training, and training.epochs is 0" in errors


def test_threads_and_device_of_a_run(cli, tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    status, out, _ = cli("run", "small.yaml", "--threads", "2", "--out", "two")
    assert status == 0
    assert "Computed with --threads 2" in out
    summary = json.loads((tmp_path / "two" / "summary.json").read_text())
    assert (summary["device"], summary["threads"]) == ("cpu", 2)
    (tmp_path / "pcm.yaml").write_text(f"{SMALL}hardware: {{tile: pcm}}\n")
    for command in ("run", "sweep"):
        file = "pcm.yaml"
        if command == "sweep":
            (tmp_path / "sweep.yaml").write_text("base: pcm.yaml\n")
            file = "sweep.yaml"
        status, out, err = cli(command, file, "--device", "cuda", "--out", "none")
        assert status == 2, (command, out, err)
        assert "hardware.tile: pcm computes devices in place" in " ".join(err.split())
