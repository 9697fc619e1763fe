import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbar.drift_compensation import drift_compensation_factor
from device_models import StatisticsSpec
from device_models.inference.spec import inference_statistics
from kernels import threads
from kernels.errors import InputError

YEAR_S = 31536000.0
NANDAKUMAR = inference_statistics("pcm_nandakumar2019")
ALL_OPTIONS = inference_statistics(
    "pcm_nandakumar2019",
    faults={"stuck_reset": 0.02, "stuck_set": 0.03},
    spread={"g_max": 0.2, "nu": 0.3},
    temperature={"celsius": 85.0},
)
IDEAL = inference_statistics("ideal")
ONLY_UNIFORM_DRIFT = inference_statistics(
    "ideal", drift={"kind": "projected", "nu": 0.06, "nu_std": 0.0}
)


def _targets(n=20_000):
    return np.linspace(0.0, 25.0, n, dtype=np.float32)


def test_any_shape_and_float32():
    target = np.full((3, 4, 5), 10.0)
    state = NANDAKUMAR.program(target, seed=0)
    g = NANDAKUMAR.read(state, time_s=3600.0, seed=1)
    assert g.shape == state.nu.shape == target.shape
    assert g.dtype == state.g_programmed_uS.dtype == np.float32


def test_any_array_of_targets_will_do():
    fixed = np.full((4, 6), 10.0, np.float32)
    fixed.setflags(write=False)
    transposed = np.full((6, 4), 10.0, np.float32).T
    reads = [
        NANDAKUMAR.read(NANDAKUMAR.program(target, seed=0), 25.0, seed=1)
        for target in (fixed, transposed, torch.full((4, 6), 10.0), [[10] * 6] * 4)
    ]
    for read in reads:
        np.testing.assert_array_equal(read, reads[0])
    assert NANDAKUMAR.read(NANDAKUMAR.program(10.0, seed=0), 25.0, seed=1).shape == ()


@pytest.mark.parametrize("model", [NANDAKUMAR, ALL_OPTIONS])
def test_same_seed_same_bits_another_seed_others(model):
    def run(program_seed, read_seed):
        return model.read(model.program(_targets(), program_seed), 3600.0, read_seed)

    np.testing.assert_array_equal(run(0, 1), run(0, 1))
    assert not np.array_equal(run(0, 1), run(2, 1))
    assert not np.array_equal(run(0, 1), run(0, 2))


def test_bits_do_not_depend_on_threads():
    target = np.resize(_targets(), 1_000_000)
    before = threads.get_threads()
    reads = []
    try:
        for count in (1, 2):
            threads.set_threads(count)
            state = ALL_OPTIONS.program(target, seed=0)
            reads.append(ALL_OPTIONS.read_series(state, [25.0, YEAR_S], seed=1))
    finally:
        threads.set_threads(before)
    np.testing.assert_array_equal(*reads)


def test_a_series_is_what_single_reads_give():
    state = ALL_OPTIONS.program(_targets(), seed=0)
    series = ALL_OPTIONS.read_series(state, [0.0, 25.0, YEAR_S], seed=4)
    again = state.rewound()
    for time_s, g in zip([0.0, 25.0, YEAR_S], series, strict=True):
        np.testing.assert_array_equal(ALL_OPTIONS.read(again, time_s, seed=4), g)


def test_read_noise_differs_between_times_and_between_arrays_under_one_seed():
    model = inference_statistics("ideal", read_noise={})
    target = np.full(50_000, 10.0)
    one, two = model.program(target, seed=0), model.program(target, seed=1)
    reads = np.stack([model.read(one, 25.0, 7), model.read(one, 26.0, 7), model.read(two, 25.0, 7)])
    assert np.max(np.abs(np.corrcoef(reads) - np.eye(3))) < 0.03


def test_reprogramming_the_same_devices_keeps_their_faults_and_limits():
    first = ALL_OPTIONS.program(_targets(), seed=0, device_seed=9)
    second = ALL_OPTIONS.program(_targets(), seed=1, device_seed=9)
    np.testing.assert_array_equal(first.stuck.set_index, second.stuck.set_index)
    np.testing.assert_array_equal(first.g_limit_uS, second.g_limit_uS)
    assert not np.array_equal(first.g_programmed_uS, second.g_programmed_uS)


@settings(max_examples=40, deadline=None)
@given(
    noise=st.floats(0.0, 20.0),
    spread=st.floats(0.0, 0.5),
    nu_spread=st.floats(0.0, 1.0),
    stuck=st.floats(0.0, 0.5),
    celsius=st.floats(-40.0, 150.0),
    time_s=st.floats(0.0, 1e12),
    seed=st.integers(0, 2**63),
)
def test_conductance_stays_between_zero_and_the_devices_maximum(
    noise, spread, nu_spread, stuck, celsius, time_s, seed
):
    model = inference_statistics(
        "pcm_nandakumar2019",
        programming={"scale": noise},
        read_noise={"scale": noise},
        spread={"g_max": spread, "nu": nu_spread},
        faults={"stuck_set": stuck, "stuck_reset": stuck},
        temperature={"celsius": celsius},
    )
    state = model.program(_targets(3000), seed)
    g = model.read(state, time_s, seed)
    for values in (state.g_programmed_uS, g):
        assert (values >= 0.0).all()
        assert (values <= state.g_limit_uS * np.float32(1.000001)).all()
    assert (state.nu >= 0.0).all()


def test_no_drift_where_nu_is_zero():
    state = IDEAL.program(_targets(), seed=0)
    assert (state.nu == 0.0).all()
    np.testing.assert_array_equal(IDEAL.read(state, YEAR_S, seed=0), _targets())


def test_without_noise_drift_is_the_power_law():
    g = ONLY_UNIFORM_DRIFT.read(ONLY_UNIFORM_DRIFT.program(_targets(), 0), 3600.0, 0)
    np.testing.assert_allclose(g, _targets() * (3620.0 / 20.0) ** -0.06, rtol=2e-6)


def test_drift_compensation_restores_the_mean_of_a_uniformly_drifting_array():
    state = ONLY_UNIFORM_DRIFT.program(_targets(), seed=0)
    reference = ONLY_UNIFORM_DRIFT.read(state, 0.0, seed=0)
    g = ONLY_UNIFORM_DRIFT.read(state, YEAR_S, seed=0)
    restored = g * drift_compensation_factor(reference, g)
    assert restored.mean() == pytest.approx(reference.mean(), rel=1e-3)
    np.testing.assert_allclose(restored, reference, rtol=1e-3)


def test_spread_changes_what_belongs_to_the_devices():
    target = np.full(200_000, 10.0)
    wide = inference_statistics("ideal", spread={"g_max": 0.1})
    limit = wide.program(target, seed=0).g_limit_uS
    assert limit.std() / limit.mean() == pytest.approx(0.1, rel=0.02)

    spread_nu = inference_statistics(
        "ideal", drift={"kind": "projected", "nu": 0.05, "nu_std": 0.0}, spread={"nu": 0.2}
    )
    nu = spread_nu.program(target, seed=0).nu
    assert nu.mean() == pytest.approx(0.05, rel=0.01)
    assert nu.std() == pytest.approx(0.01, rel=0.02)


def test_a_weak_device_cannot_reach_a_target_beyond_its_limit():
    weak = inference_statistics("ideal", spread={"g_max": 0.3})
    state = weak.program(np.full(100_000, 25.0), seed=0)
    assert 0.1 < np.mean(state.g_programmed_uS < 24.99) < 0.4
    assert (state.g_programmed_uS <= state.g_limit_uS).all()


def test_time_going_backwards_is_an_error():
    state = NANDAKUMAR.program(_targets(), seed=0)
    NANDAKUMAR.read(state, 3600.0, seed=0)
    NANDAKUMAR.read(state, 3600.0, seed=1)
    with pytest.raises(InputError, match=r"time_s.*3600.*backwards"):
        NANDAKUMAR.read(state, 25.0, seed=0)
    with pytest.raises(InputError, match="time_s"):
        NANDAKUMAR.read_series(state.rewound(), [25.0, 10.0], seed=0)
    assert NANDAKUMAR.read(state.rewound(), 25.0, seed=0).shape == state.nu.shape


@pytest.mark.parametrize("time_s", [-1.0, float("nan"), float("inf")])
def test_impossible_times(time_s):
    with pytest.raises(InputError, match="time_s"):
        NANDAKUMAR.read(NANDAKUMAR.program(_targets(), seed=0), time_s, seed=0)


@pytest.mark.parametrize("target", [[25.1], [-0.1], [np.nan], [np.inf], []])
def test_impossible_targets(target):
    with pytest.raises(InputError, match="g_target_uS"):
        NANDAKUMAR.program(np.array(target), seed=0)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"programming": {"sigma_uS": [-0.3, 1.0, 0.0]}}, "sigma_uS"),
        ({"programming": {"scale": -1.0}}, "programming.scale"),
        ({"read_noise": {"q": -0.1}}, "read_noise.q"),
        ({"drift": {"kind": "projected", "nu": 1.2}}, "nu"),
        ({"drift": {"kind": "projected", "nu_std": -0.1}}, "nu_std"),
        ({"drift": {"kind": "unheard-of"}}, "drift"),
        (
            {"drift": {"nu_mean": {"slope": 0.0, "offset": 0.0, "low": 0.5, "high": 0.1}}},
            "nu_mean",
        ),
        ({"faults": {"stuck_set": 1.5}}, "stuck_set"),
        ({"faults": {"stuck_set": 0.6, "stuck_reset": 0.6}}, "stuck_reset"),
        ({"spread": {"g_max": -0.1}}, "spread.g_max"),
        ({"temperature": {}}, "temperature"),
        ({"g_max_uS": 0.0}, "g_max_uS"),
        ({"misspelt": 1}, "misspelt"),
    ],
)
def test_bad_parameters_give_one_line_that_names_them(parts, name):
    with pytest.raises(InputError) as error:
        inference_statistics("pcm_nandakumar2019", **parts)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_preset_lists_the_known_ones():
    with pytest.raises(InputError, match="pcm_nandakumar2019"):
        inference_statistics("pcm")


def test_the_config_form_gives_the_same_statistics():
    as_json = """{"preset": "pcm_nandakumar2019", "g_max_uS": 20,
                  "faults": {"stuck_reset": 0.01, "stuck_set": 0.01},
                  "spread": {"g_max": 0.1, "nu": 0.2},
                  "temperature": {"profile": [{"from_s": 0, "celsius": 25},
                                              {"from_s": 3600, "celsius": 85}],
                                  "activation_energy_eV": 0.8}}"""
    spec = StatisticsSpec.model_validate_json(as_json, strict=True)
    model = spec.build()
    assert model.g_max_uS == 20.0
    assert model.faults.stuck_set == 0.01
    assert model.temperature.profile[1].celsius == 85.0
    assert StatisticsSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize("model", [NANDAKUMAR, ALL_OPTIONS, IDEAL])
def test_moments_of_a_read_are_those_of_many_reads(model):
    """Within 4.5 standard errors over 400 reads, low conductances that the bound at 0 cuts among them."""
    state = model.program(np.linspace(0.0, 25.0, 2000, dtype=np.float32), seed=0)
    mean, variance = model.read_moments(state, YEAR_S)
    assert mean.dtype == variance.dtype == np.float32
    reads = np.stack([model.read(state, YEAR_S, seed) for seed in range(400)]).astype(np.float64)
    spread = reads.std(0)
    assert (np.abs(reads.mean(0) - mean) <= 4.5 * spread / 20.0 + 1e-5).all()
    centred = reads - reads.mean(0)
    error_of_variance = np.sqrt(np.maximum((centred**4).mean(0) - spread**4, 0.0) / 400.0)
    assert (np.abs(spread**2 - variance) <= 4.5 * error_of_variance + 1e-5 * 25.0).all()
    with pytest.raises(InputError, match="time does not go backwards"):
        model.read_moments(state, 25.0)
