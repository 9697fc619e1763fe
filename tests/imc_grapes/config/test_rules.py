import re

import numpy as np
import pytest

from crossbar.programmed_weights import ProgrammedWeights
from device_models.inference.spec import inference_statistics
from imc_grapes import InputError
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import dump_yaml, parse_yaml


def check(text):
    parse_run_config(parse_yaml(f"name: x\n{text}\n", "x.yaml"))


@pytest.mark.parametrize("optimizer", ["momentum", "nag", "rmsprop", "adam"])
def test_an_in_situ_preset_honours_only_sgd(optimizer):
    training = f"training: {{optimizer: {{name: {optimizer}}}}}"
    with pytest.raises(
        InputError, match=f"x.yaml:3: training.optimizer.name: PCMPreset .*{optimizer}"
    ):
        check(f"hardware: {{tile: aihwkit, preset: PCMPreset}}\n{training}")
    check(f"hardware: {{tile: aihwkit, preset: StandardHWATrainingPreset}}\n{training}")
    check(training)


def test_times_on_hardware_that_does_not_drift_are_refused():
    times = "evaluation: {times_s: [25]}"
    without = [
        "tile: digital",
        "tile: aihwkit, preset: PCMPreset",
        "tile: pcm, device: {model: exp_step}",
        "tile: pcm, device: {model: linear}",
    ]
    for hardware in without:
        with pytest.raises(InputError, match=r"x.yaml:3: evaluation.times_s: .*drift"):
            check(f"hardware: {{{hardware}}}\n{times}")
    check(f"hardware: {{tile: aihwkit, preset: StandardHWATrainingPreset}}\n{times}")


@pytest.mark.parametrize(
    ("hardware", "evaluation", "message"),
    [
        ("tile: digital", "compensation_read: conductances", "do not drift"),
        ("tile: digital", "repeats: 3", "is 3, but digital weights do not drift"),
        ("tile: digital", "drift_compensation: [none]", "is none, but digital weights"),
        ("tile: digital", "batch_norm: recalibrated", "is recalibrated, but digital weights"),
        ("tile: aihwkit, preset: PCMPreset", "repeats: 3", "has no drift model"),
        ("tile: pcm, device: {model: exp_step}", "read_noise: false", "does not drift"),
        ("tile: pcm, device: {model: exp_step}", "drift_compensation: global", "does not drift"),
        ("tile: pcm", "calibration_samples: 500", "batch_norm is fixed"),
        ("tile: pcm", "drift_compensation: [none, column]", "column: hardware.tile pcm has one"),
        (
            "tile: aihwkit, preset: StandardHWATrainingPreset",
            "drift_compensation: column",
            "column: hardware.tile aihwkit has one factor per array",
        ),
        (
            "tile: aihwkit, preset: StandardHWATrainingPreset",
            "compensation_read: conductances",
            "aihwkit's tiles read weights",
        ),
        ("tile: aihwkit, preset: StandardHWATrainingPreset", "read_noise: false", "own tiles"),
        (
            "tile: pcm",
            "compensation_read: conductances, drift_compensation: none",
            "drift_compensation is none",
        ),
        (
            "tile: pcm, statistics: {preset: ideal}",
            "read_noise: false",
            r"hardware.statistics.read_noise.scale: 0",
        ),
    ],
)
def test_reads_that_a_choice_has_no_effect_on_are_refused(hardware, evaluation, message):
    with pytest.raises(InputError, match=rf"x.yaml:3: evaluation\.\w+: .*{message}"):
        check(f"hardware: {{{hardware}}}\nevaluation: {{{evaluation}}}")


def test_values_that_a_resolved_config_holds_anyway_are_no_choice():
    check(
        "evaluation: {repeats: 10, drift_compensation: [global, none], batch_norm: fixed, calibration_samples: 1000}"
    )


def test_several_tasks_have_no_one_mean_to_recalibrate_to():
    with pytest.raises(InputError, match=r"x.yaml:4: evaluation.batch_norm: .*data.tasks"):
        check(
            "data: {tasks: {permuted: 2}}\nhardware: {tile: pcm}\n"
            "evaluation: {batch_norm: recalibrated}"
        )


def test_reads_can_be_chosen_where_both_are_physical():
    for hardware in ("tile: digital, statistics: {preset: ideal}", "tile: pcm"):
        check(f"hardware: {{{hardware}}}\nevaluation: {{compensation_read: conductances}}")
    check("hardware: {tile: pcm}\nevaluation: {read_noise: false}")


def test_a_preset_that_does_not_exist_is_refused_with_the_closest_ones():
    with pytest.raises(InputError, match=r"x.yaml:2: hardware.preset: 'PCMPrest' .*PCMPreset"):
        check("hardware: {tile: aihwkit, preset: PCMPrest}")


def test_layers_excluded_from_a_grapes_that_is_off_are_refused():
    with pytest.raises(InputError, match=r"training.grapes.exclude: names '1'"):
        check("training: {grapes: {mode: off, exclude: ['1']}}")


def test_several_rules_are_reported_at_once():
    with pytest.raises(InputError) as caught:
        check(
            "hardware: {tile: aihwkit, preset: PCMPreset}\nevaluation: {times_s: [1]}\n"
            "training: {optimizer: {name: adam}}"
        )
    assert len(str(caught.value).splitlines()) == 2


def test_training_without_reads_is_refused_where_something_must_read():
    tile = "hardware: {tile: pcm, read: {during_training: never}, update: {kind: accumulated%s}}"
    blind = tile % ", refresh: {every_updates: null}"
    check(blind)
    with pytest.raises(InputError, match=r"hardware.update.refresh.every_updates: a refresh reads"):
        check(tile % "")
    with pytest.raises(InputError, match=r"x.yaml:3: training.grapes.mode: propagating reads"):
        check(f"{blind}\ntraining: {{grapes: {{mode: propagating}}}}")


PROGRAMMED = "g_target_uS,mean_uS,std_uS\n0,0.5,0.2\n25,24,1\n"
DRIFTED = "g_target_uS,nu_mean,nu_std\n0,0.1,0.02\n25,0.03,0.01\n"
ALL = "g_target_uS,mean_uS,std_uS,nu_mean,nu_std\n0,0.5,0.2,0.1,0.02\n25,24,1,0.03,0.01\n"


def test_programming_noise_is_refused_where_training_wrote_the_devices():
    for scale in (0.0, 1.0, 3.0):
        statistics = f"statistics: {{programming: {{scale: {scale}}}}}"
        with pytest.raises(InputError) as caught:
            check(f"hardware: {{tile: pcm, {statistics}}}")
        assert re.fullmatch(
            r"x.yaml:2: hardware.statistics.programming: has no effect on tile: pcm.*",
            str(caught.value),
        )
        check(f"hardware: {{tile: digital, {statistics}}}")
        check(f"hardware: {{tile: aihwkit, preset: StandardHWATrainingPreset, {statistics}}}")


def test_of_a_table_devices_that_training_wrote_take_the_drift_alone(tmp_path):
    table = tmp_path / "measured.csv"
    hardware = f"hardware: {{tile: %s, statistics: {{table: {table}}}}}"
    for text in (PROGRAMMED, ALL):
        table.write_text(text)
        with pytest.raises(InputError) as caught:
            check(hardware % "pcm")
        assert re.fullmatch(
            r"x.yaml:2: hardware.statistics.table: its columns mean_uS and std_uS have no effect .*",
            str(caught.value),
        )
        check(hardware % "digital")
    table.write_text(DRIFTED)
    check(hardware % "pcm")
    check(hardware % "digital")


def test_the_parameters_of_a_refresh_that_is_off_are_refused():
    refresh = "hardware: {tile: pcm, update: {kind: %s, refresh: {every_updates: %s, above: 0.6}}}"
    for kind in ("pulsed", "accumulated"):
        check(refresh % (kind, 5))
        with pytest.raises(
            InputError, match=r"hardware.update.refresh.every_updates: is null.*above"
        ):
            check(refresh % (kind, "null"))


def test_the_conductance_of_devices_that_there_are_not_is_refused():
    hardware = "hardware: {tile: digital, statistics: {g_reset_uS: 0.5%s}}"
    check(hardware % ", faults: {stuck_reset: 0.01}")
    for faults in ("", ", faults: {stuck_set: 0.01}"):
        with pytest.raises(
            InputError, match=r"hardware.statistics.g_reset_uS: is of devices stuck"
        ):
            check(hardware % faults)


def test_a_resolved_config_is_taken_as_the_config_it_came_of():
    update = "update: {kind: pulsed, refresh: {every_updates: null}}"
    text = f"name: x\nhardware: {{tile: pcm, {update}, statistics: {{}}}}\n"
    config = parse_run_config(parse_yaml(text, "x.yaml"))
    assert (
        parse_run_config(parse_yaml(dump_yaml(config.model_dump(mode="json")), "y.yaml")) == config
    )


def test_the_largest_conductance_is_that_of_the_device():
    tile = "hardware: {tile: pcm, device: {model: nandakumar2018, g_max_uS: 12}, statistics: {g_max_uS: %s}}"
    check(tile % 12)
    with pytest.raises(
        InputError, match=r"hardware.statistics.g_max_uS: must be that of the device, 12.0"
    ):
        check(tile % 20)


@pytest.mark.parametrize("preset", ["pcm_nandakumar2019", "pcm_projected", "ideal"])
def test_a_largest_conductance_to_which_all_is_relative_is_refused(preset):
    weights = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    small, large = (
        ProgrammedWeights.program(weights, inference_statistics(preset, g_max), 3).read(1e6, 4)
        for g_max in (5.0, 25.0)
    )
    np.testing.assert_allclose(small, large, rtol=1e-5, atol=1e-5)
    hardware = "hardware: {tile: digital, statistics: {preset: %s, g_max_uS: 5%s}}"
    check(hardware % (preset, ", faults: {stuck_reset: 0.01}"))
    with pytest.raises(InputError, match=r"hardware.statistics.g_max_uS: changes nothing"):
        check(hardware % (preset, ""))


def test_constants_of_a_rule_reach_tiles_and_biases_and_must_agree():
    tiles = "hardware: {tile: pcm, update: {kind: accumulated%s}}\n"
    training = "training: {optimizer: {name: momentum, momentum: 0.5}}"
    check(tiles % "" + training)
    check(tiles % ", optimizer: {name: momentum, momentum: 0.5}" + training)
    check(tiles % ", optimizer: {name: momentum, state_bits: 16}" + training)
    with pytest.raises(
        InputError,
        match=r"x.yaml:2: hardware.update.optimizer.momentum: 0.7 contradicts "
        r"training.optimizer.momentum 0.5; leave one out",
    ):
        check(tiles % ", optimizer: {name: momentum, momentum: 0.7}" + training)


def test_a_constant_that_the_rule_does_not_use_is_refused():
    with pytest.raises(
        InputError,
        match=r"x.yaml:2: training.optimizer.momentum: adam does not use momentum; allowed: lr, "
        r"lr_decay, betas, eps",
    ):
        check("training: {optimizer: {name: adam, momentum: 0.5}}")
    with pytest.raises(InputError, match=r"training.optimizer.momentum: input should be less"):
        check("training: {optimizer: {name: momentum, momentum: 1.0}}")
