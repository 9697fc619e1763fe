import numpy as np

from crossbar.programmed_weights import ProgrammedWeights
from device_models.inference.spec import inference_statistics

YEAR_S = 31536000.0
NO_SPREAD = {"slope": 0.0, "offset": 0.0, "low": 0.0, "high": 0.0}
WEIGHTS = np.random.default_rng(0).normal(size=(40, 60)).astype(np.float32)


def test_ideal_devices_hold_the_weights():
    ideal = ProgrammedWeights.program(WEIGHTS, inference_statistics("ideal"), seed=0)
    np.testing.assert_allclose(ideal.read(YEAR_S, seed=0), WEIGHTS, rtol=1e-5, atol=1e-6)


def test_compensation_brings_uniform_drift_back():
    drifting = inference_statistics("ideal", drift={"kind": "projected", "nu": 0.06, "nu_std": 0.0})
    weights = ProgrammedWeights.program(WEIGHTS, drifting, seed=0)
    plain = weights.read(YEAR_S, seed=0)
    np.testing.assert_allclose(plain, WEIGHTS * ((YEAR_S + 20) / 20) ** -0.06, rtol=1e-4, atol=1e-6)
    restored = weights.read(YEAR_S, seed=0, compensation="global")
    np.testing.assert_allclose(restored, WEIGHTS, rtol=1e-3, atol=1e-6)


def test_noise_grows_with_time_and_the_seed_fixes_it():
    model = inference_statistics("pcm_nandakumar2019")
    reads = []
    for _ in range(2):
        weights = ProgrammedWeights.program(WEIGHTS, model, seed=5)
        reads.append([weights.read(t, seed=6, compensation="global") for t in (25.0, YEAR_S)])
    np.testing.assert_array_equal(*reads)
    early, late = (np.abs(g - WEIGHTS).mean() for g in reads[0])
    assert 0.0 < early < late


def test_compensation_of_columns_brings_every_column_back():
    """Columns whose devices drift apart differ in their factors; without spread in a column all weights return."""
    drifting = inference_statistics("ideal", drift={"kind": "conductance", "nu_std": NO_SPREAD})
    steps = np.repeat(np.linspace(0.02, 1.0, 40, dtype=np.float32)[:, None], 60, axis=1)
    signed = steps * np.sign(WEIGHTS)
    weights = ProgrammedWeights.program(signed.reshape(40, 15, 2, 2), drifting, seed=0)
    plain = weights.read(YEAR_S, seed=0).reshape(40, 60)
    assert np.ptp(plain / signed) > 0.1
    restored = weights.read(YEAR_S, seed=0, compensation="column").reshape(40, 60)
    np.testing.assert_allclose(restored, signed, rtol=1e-5)
    one_factor = weights.read(YEAR_S, seed=0, compensation="global").reshape(40, 60)
    assert np.ptp(one_factor / signed) > 0.1
    np.testing.assert_allclose(np.abs(one_factor).sum(), np.abs(signed).sum(), rtol=1e-5)


def test_the_sum_of_every_column_is_that_of_the_first_read_whatever_the_spread():
    noisy = ProgrammedWeights.program(WEIGHTS, inference_statistics("pcm_nandakumar2019"), seed=1)
    first = np.abs(noisy.reference_uS[0] - noisy.reference_uS[1]).sum(1) * noisy.scale
    later = noisy.read(YEAR_S, seed=2, compensation="column")
    np.testing.assert_allclose(np.abs(later).sum(1), first, rtol=1e-5)
    currents = noisy.read(YEAR_S, seed=2, compensation="column", what="conductances")
    assert not np.allclose(np.abs(currents).sum(1), first, rtol=1e-3)


def test_a_column_without_weights_keeps_its_zeros():
    weights = WEIGHTS.copy()
    weights[3] = 0.0
    held = ProgrammedWeights.program(weights, inference_statistics("ideal"), seed=0)
    np.testing.assert_allclose(held.read(YEAR_S, 0, "column"), weights, rtol=1e-5, atol=1e-6)
