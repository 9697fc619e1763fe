import json

import pytest

from device_models import InferenceStatistics, TrainingModel
from device_models.presets import find_preset, presets
from kernels.errors import InputError


def test_every_preset_is_complete_and_builds():
    names = [preset.name for preset in presets()]
    assert len(set(names)) == len(names)
    for preset in presets():
        kinds = {"inference": InferenceStatistics, "training": TrainingModel}
        assert isinstance(preset.build(), kinds[preset.kind])
        assert preset.parameters
        for parameter in preset.parameters:
            assert parameter.source
            assert parameter.unit
    assert json.loads(json.dumps([preset.as_dict() for preset in presets()]))


def test_units_follow_the_names():
    units = {p.name: p.unit for p in find_preset("pcm_nandakumar2019").parameters}
    assert units["g_max_uS"] == units["programming.sigma_uS"] == "µS"
    assert units["drift.t0_s"] == units["read_noise.t_read_s"] == "s"
    assert units["drift.nu_mean.low"] == "1"


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(InputError, match="nandakumar2018"):
        find_preset("no such model")
