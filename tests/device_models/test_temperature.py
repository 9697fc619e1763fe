from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from device_models import Temperature
from device_models.inference.spec import inference_statistics


def test_the_reference_temperature_changes_nothing():
    assert Temperature(celsius=25.0).effective_seconds(1234.5) == 1234.5


def test_arrhenius_closed_form():
    warm = Temperature(celsius=85.0, activation_energy_eV=0.8)
    expected = exp(0.8 / 8.617333262e-5 * (1 / 298.15 - 1 / 358.15))
    assert warm.effective_seconds(10.0) == pytest.approx(10.0 * expected)
    assert Temperature(celsius=85.0, activation_energy_eV=0.0).effective_seconds(10.0) == 10.0


def test_a_profile_adds_up_its_steps():
    steps = [{"from_s": 0.0, "celsius": 25.0}, {"from_s": 100.0, "celsius": 60.0}]
    profile = Temperature.of({"profile": steps})
    rate = profile.acceleration(60.0)
    assert profile.effective_seconds(40.0) == 40.0
    assert profile.effective_seconds(150.0) == pytest.approx(100.0 + 50.0 * rate)


@given(st.lists(st.floats(0.0, 1e9), min_size=2, max_size=6), st.floats(-20.0, 120.0))
def test_effective_time_never_runs_backwards(times, celsius):
    steps = [{"from_s": 0.0, "celsius": celsius}, {"from_s": 1e4, "celsius": 25.0}]
    profile = Temperature.of({"profile": steps})
    effective = [profile.effective_seconds(t) for t in sorted(times)]
    assert effective == sorted(effective)


def test_warmer_devices_drift_further():
    target = np.full(10_000, 5.0)
    means = []
    for celsius in (25.0, 60.0, 85.0):
        model = inference_statistics("pcm_nandakumar2019", temperature={"celsius": celsius})
        means.append(model.read(model.program(target, seed=0), 86400.0, seed=1).mean())
    assert means[0] > 1.05 * means[1] > 1.05**2 * means[2]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"celsius": 25.0, "profile": [{"from_s": 0.0, "celsius": 25.0}]},
        {"celsius": -300.0},
        {"profile": [{"from_s": 5.0, "celsius": 25.0}]},
        {"profile": [{"from_s": 0.0, "celsius": 25.0}, {"from_s": 0.0, "celsius": 30.0}]},
        {"celsius": 25.0, "activation_energy_eV": -0.1},
    ],
)
def test_impossible_temperatures(values):
    with pytest.raises(ValidationError):
        Temperature(**values)
