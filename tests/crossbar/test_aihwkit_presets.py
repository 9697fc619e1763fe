import pytest
from aihwkit.simulator import presets as aihwkit_presets
from aihwkit.simulator.parameters.base import RPUConfigBase

from crossbar.aihwkit_presets import all_presets, find_preset
from imc_grapes import InputError, RunConfig, run_experiment


def small_run(preset, mode="propagating"):
    return RunConfig.model_validate(
        {
            "name": preset,
            "data": {"name": "digits", "batch_size": 20, "train_samples": 40, "test_samples": 30},
            "network": {"kind": "mlp", "hidden": (6, 5), "bias": True},
            "hardware": {"tile": "aihwkit", "preset": preset, "array": {"rows": 40, "columns": 4}},
            "training": {"epochs": 1, "grapes": {"mode": mode}},
            "evaluation": {"repeats": 2},
        }
    )


def test_every_configuration_class_of_aihwkit_is_listed():
    expected = {
        name
        for name, value in vars(aihwkit_presets).items()
        if isinstance(value, type) and issubclass(value, RPUConfigBase)
    }
    assert set(all_presets()) == expected
    assert {"PCMPreset", "MixedPrecisionPCMPreset", "StandardHWATrainingPreset"} <= expected


def test_what_is_listed_of_well_known_presets():
    pcm = find_preset("PCMPreset")
    assert pcm.training == "in-situ"
    assert not pcm.drifts
    assert "PCM" in pcm.device
    assert any("Nandakumar" in reference for reference in pcm.references)
    hardware_aware = find_preset("StandardHWATrainingPreset")
    assert hardware_aware.training == "HWA"
    assert hardware_aware.drifts
    assert "MixedPrecision" in find_preset("MixedPrecisionPCMPreset").device


@pytest.mark.parametrize("name", ["PCM", "pcmpreset", "", "SingleRPUConfig", "__doc__"])
def test_a_name_that_is_no_preset_is_refused(name):
    with pytest.raises(InputError, match=f"'{name}' is no preset of aihwkit"):
        find_preset(name)


WITH_DIGITAL_MATRICES = ("MixedPrecision", "TTv2", "ChoppedTTv2", "AGAD")


def test_every_preset_trains_with_grapes_and_is_evaluated():
    broken = {}
    for name, preset in all_presets().items():
        outcome = run_experiment(small_run(name))
        summary = outcome.summary
        healthy = (
            0.0 <= summary["test_accuracy"] <= 1.0
            and (summary["optimizer_state_bytes"] > 0) == name.startswith(WITH_DIGITAL_MATRICES)
            and summary["grapes_transient_numbers"] == 11
            and len(summary["drift"]) == (10 if preset.drifts else 0)
        )
        if not healthy:
            broken[name] = summary
    assert broken == {}


@pytest.mark.parametrize("mode", ["none", "local", "lr_matched"])
@pytest.mark.parametrize("preset", ["PCMPreset", "MixedPrecisionPCMPreset", "FloatingPointPreset"])
def test_every_mode_trains_in_place(preset, mode):
    assert run_experiment(small_run(preset, mode)).summary["reproducible"] is False
