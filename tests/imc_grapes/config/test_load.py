import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imc_grapes import InputError, RunConfig, load_run_config
from imc_grapes.config import config_hash, parse_run_config
from imc_grapes.config.yaml_file import dump_yaml, parse_yaml


def parsed(text):
    return parse_run_config(parse_yaml(text, "x.yaml"))


def message_of(text):
    with pytest.raises(InputError) as caught:
        parsed(text)
    return str(caught.value)


def test_only_a_name_is_required():
    config = parsed("name: x\n")
    assert config == RunConfig(name="x")
    assert config.network.kind == "mlp"
    assert config.hardware.tile == "digital"


@pytest.mark.parametrize("off", ["off", "Off", "OFF", "false", "False", "null", "~", "none", ""])
def test_every_way_to_switch_grapes_off(off):
    assert (
        parsed(f"name: x\ntraining: {{grapes: {{mode: {off}}}}}\n").training.grapes.mode == "none"
    )


def test_numbers_as_people_write_them():
    config = parsed(
        "name: x\nseed: 08\ntraining: {optimizer: {lr: 1e-3}}\nhardware: {tile: pcm}\n"
        "evaluation: {repeats: 0x3}\n"
    )
    assert config.seed == 8
    assert config.training.optimizer.lr == 1e-3
    assert config.evaluation.repeats == 3
    assert parsed("name: x\ntraining: {optimizer: {lr: 1}}\n").training.optimizer.lr == 1.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: '8'", "seed: input should be a valid integer (got '8')"),
        ("seed: 1.5", "seed: input should be a valid integer"),
        ("seed: true", "seed: input should be a valid integer"),
        ("seed: -1", "seed: input should be greater than or equal to 0 (got -1)"),
        ("seed: 4294967296", "seed: input should be less than 4294967296"),
        ("sede: 1", "sede: unknown key"),
        ("data: {batch_size: 0}", "data.batch_size: input should be greater than or equal to 1"),
        ("data: {batch_size: 16.0}", "data.batch_size: input should be a valid integer"),
        ("data: {name: cifar}", "data.name: 'cifar' is not one of 'cifar10', 'cifar100'"),
        ("data: {validation_fraction: 1}", "data.validation_fraction: input should be less than 1"),
        ("data: 3", "data: input should be an object (got 3)"),
        ("data: null", "data: input should be an object"),
        (
            "training: {optimizer: {lr: -0.1}}",
            "training.optimizer.lr: input should be greater than 0",
        ),
        ("training: {optimizer: {lr: 0}}", "training.optimizer.lr: input should be greater than 0"),
        (
            "training: {optimizer: {lr: '1e-3'}}",
            "training.optimizer.lr: input should be a valid number",
        ),
        (
            "training: {optimizer: {lr: true}}",
            "training.optimizer.lr: input should be a valid number",
        ),
        (
            "training: {optimizer: {lr: .nan}}",
            "training.optimizer.lr: input should be a finite number",
        ),
        (
            "training: {optimizer: {lr: .inf}}",
            "training.optimizer.lr: input should be a finite number",
        ),
        (
            "training: {optimizer: {lr: 1e999}}",
            "training.optimizer.lr: input should be a finite number",
        ),
        (
            "training: {optimizer: {lr: 1_0}}",
            "training.optimizer.lr: input should be a valid number",
        ),
        ("training: {grapes: {mode: 'no'}}", "training.grapes.mode: input should be 'none', 'prop"),
        ("training: {grapes: {mode: true}}", "training.grapes.mode: input should be"),
        ("training: {epochs: -1}", "training.epochs: input should be greater than or equal to 0"),
        ("network: {hidden: [3]}", "network: needs the key 'kind'"),
        ("network: {kind: perceptron}", "network.kind: 'perceptron' is not one of 'cnn', 'gru'"),
        ("network: {kind: mlp, hidden: [3, 0]}", "network.hidden.1: input should be greater than"),
        ("network: {kind: mlp, hidden: 3}", "network.hidden: input should be a valid array"),
        ("network: {kind: mlp, channels: [3]}", "network.channels: unknown key"),
        ("network: {kind: mlp, bias: 1}", "network.bias: input should be a valid boolean"),
        (
            "network: {kind: cnn, kernel_size: 4}",
            "network.kernel_size: input should be 1, 3, 5 or 7",
        ),
        ("hardware: {tile: aihwkit}", "hardware.preset: is required"),
        ("hardware: {tile: reram}", "hardware.tile: 'reram' is not one of 'digital', 'aihwkit'"),
        ("evaluation: {times_s: []}", "evaluation.times_s: "),
        ("evaluation: {times_s: [-1]}", "evaluation.times_s.0: input should be greater than"),
        ("evaluation: {times_s: [25, 3600, 25.0]}", "evaluation.times_s: holds 25 s twice"),
        ("evaluation: {repeats: 0}", "evaluation.repeats: input should be greater than"),
        ("1: 2", "1: unknown key"),
        ("seed: 2026-01-01", "seed: input should be a valid integer"),
        ("seed: !!timestamp 2026-01-01", "holds a value that is not plain data"),
    ],
)
def test_every_wrong_value_is_named_with_its_key_and_line(line, message):
    found = message_of(f"name: x\n\n{line}\n")
    assert message in found
    assert found.startswith("x.yaml:3: " if "plain data" not in message else "x.yaml: ")


def test_a_missing_name_is_reported_for_the_file():
    assert message_of("seed: 1\n") == "x.yaml: name: is required"


def test_every_problem_is_reported_at_once():
    found = message_of("seed: x\ntraining:\n  epochs: -1\n  epoch: 2\n").splitlines()
    assert len(found) == 4
    assert [line.split(" ")[0] for line in found] == [
        "x.yaml:",
        "x.yaml:1:",
        "x.yaml:3:",
        "x.yaml:4:",
    ]


def test_lines_inside_a_section_that_is_a_choice():
    found = message_of("name: x\nnetwork:\n  kind: cnn\n  channels:\n  - 4\n  - -1\n")
    assert found.startswith("x.yaml:6: network.channels.1: ")


def test_overrides_are_validated_like_the_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("name: x\ntraining: {epochs: 3}\n")
    assert load_run_config(path, ["training.epochs=5", "network.kind=cnn"]).training.epochs == 5
    with pytest.raises(
        InputError, match=r"--set training\.epochs=x: training\.epochs: input should"
    ):
        load_run_config(path, ["training.epochs=x"])


def test_all_configs_that_come_with_the_project_are_valid(request):
    paths = sorted((request.config.rootpath / "configs").glob("digits*.yaml"))
    assert len(paths) >= 2
    for path in paths:
        load_run_config(path)


numbers = st.floats(1e-9, 1e9)
sizes = st.integers(1, 2**31)
widths = st.integers(1, 1_000_000)
digital = st.fixed_dictionaries({"tile": st.just("digital")})
hwa = st.fixed_dictionaries(
    {"tile": st.just("aihwkit"), "preset": st.just("StandardHWATrainingPreset")},
    optional={"array": st.fixed_dictionaries({"rows": sizes, "columns": sizes})},
)
mlp = st.fixed_dictionaries(
    {"kind": st.just("mlp")},
    optional={
        "hidden": st.lists(widths, max_size=4),
        "activation": st.sampled_from(["relu", "tanh", "sigmoid"]),
        "bias": st.booleans(),
        "dropout": st.floats(0, 1, exclude_max=True),
    },
)
cnn = st.fixed_dictionaries(
    {"kind": st.just("cnn")},
    optional={
        "channels": st.lists(widths, min_size=1, max_size=3),
        "kernel_size": st.sampled_from([1, 3, 5, 7]),
        "batch_norm": st.booleans(),
    },
)
training = st.fixed_dictionaries(
    {},
    optional={
        "epochs": sizes,
        "optimizer": st.fixed_dictionaries(
            {"name": st.sampled_from(["sgd", "momentum", "nag", "rmsprop", "adam"]), "lr": numbers},
            optional={"lr_decay": st.floats(1e-9, 1)},
        ),
        "grapes": st.fixed_dictionaries(
            {
                "mode": st.sampled_from(
                    ["none", "off", False, None, "propagating", "local", "lr_matched"]
                )
            }
        ),
    },
)
configs = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                "name": st.text(st.characters(codec="utf-8"), min_size=1)
                | st.sampled_from(["08", "1e3"]),
                "hardware": hardware,
                "evaluation": st.fixed_dictionaries({}, optional=over_time),
            },
            optional={
                "seed": st.integers(0, 2**32 - 1),
                "network": mlp | cnn,
                "training": training,
                "data": st.fixed_dictionaries(
                    {}, optional={"batch_size": sizes, "train_samples": sizes}
                ),
            },
        )
        for hardware, over_time in (
            (digital, {}),
            (
                hwa,
                {
                    "repeats": sizes,
                    "times_s": st.lists(numbers, min_size=1, max_size=4, unique=True),
                    "drift_compensation": st.sampled_from(["none", "both", ["global", "none"]]),
                    "batch_norm": st.sampled_from(["fixed", "recalibrated"]),
                },
            ),
        )
    )
)


@given(configs)
@settings(max_examples=100, deadline=None)
def test_any_valid_config_is_dumped_and_read_back_as_itself(values):
    config = parsed(dump_yaml(values))
    again = parsed(dump_yaml(config.model_dump(mode="json")))
    assert again == config
    assert config_hash(again) == config_hash(config)
