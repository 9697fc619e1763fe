import numpy as np

from crossbar.programmed_weights import ProgrammedWeights
from device_models.inference.spec import inference_statistics

YEAR_S = 31536000.0
WEIGHTS = np.random.default_rng(0).normal(size=(40, 60)).astype(np.float32)


def test_ideal_devices_hold_the_weights():
    ideal = ProgrammedWeights.program(WEIGHTS, inference_statistics("ideal"), seed=0)
    np.testing.assert_allclose(ideal.read(YEAR_S, seed=0), WEIGHTS, rtol=1e-5, atol=1e-6)


def test_compensation_brings_uniform_drift_back():
    drifting = inference_statistics("ideal", drift={"kind": "projected", "nu": 0.06, "nu_std": 0.0})
    weights = ProgrammedWeights.program(WEIGHTS, drifting, seed=0)
    plain = weights.read(YEAR_S, seed=0)
    np.testing.assert_allclose(plain, WEIGHTS * ((YEAR_S + 20) / 20) ** -0.06, rtol=1e-4, atol=1e-6)
    restored = weights.read(YEAR_S, seed=0, compensate="weights")
    np.testing.assert_allclose(restored, WEIGHTS, rtol=1e-3, atol=1e-6)


def test_noise_grows_with_time_and_the_seed_fixes_it():
    model = inference_statistics("pcm_nandakumar2019")
    reads = []
    for _ in range(2):
        weights = ProgrammedWeights.program(WEIGHTS, model, seed=5)
        reads.append([weights.read(t, seed=6, compensate="weights") for t in (25.0, YEAR_S)])
    np.testing.assert_array_equal(*reads)
    early, late = (np.abs(g - WEIGHTS).mean() for g in reads[0])
    assert 0.0 < early < late
