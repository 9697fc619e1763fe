import pytest

from imc_grapes import InputError
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml


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
    for hardware in ("tile: digital", "tile: aihwkit, preset: PCMPreset"):
        with pytest.raises(InputError, match=r"x.yaml:3: evaluation.times_s: .*drift"):
            check(f"hardware: {{{hardware}}}\n{times}")
    check(f"hardware: {{tile: aihwkit, preset: StandardHWATrainingPreset}}\n{times}")


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
