import numpy as np
import pytest

from device_models.training import ExpStep, Linear, Nandakumar2018
from kernels.oracles import pulses as oracle
from kernels.oracles import random_streams as random_oracle
from kernels.pulse_trains import pulse_train_kernel
from kernels.random_streams import stream_key

N = 3000
CASES = [
    (Nandakumar2018(), "nandakumar2018"),
    (Nandakumar2018(g_max_uS=25.0), "nandakumar2018"),
    (ExpStep(), "exp_step"),
    (Linear(step_noise=0.4), "linear"),
]


def _normals(key, n, k):
    w = random_oracle.words(int(key), np.arange(n, dtype=np.uint64), k)
    return random_oracle.normals_of_words(w[0], w[1])[0]


@pytest.mark.parametrize(("model", "name"), CASES)
@pytest.mark.parametrize("kind", ["set", "reset"])
def test_pulse_trains_follow_the_float64_recursion(model, name, kind):
    devices = model.new_devices(N, seed=4)
    counts = np.arange(N, dtype=np.int64) % 25
    constants, key = model.constants(), stream_key(5, "pulse oracle")
    g, state = devices.g_uS.copy(), devices.state.copy()
    pulse_train_kernel(getattr(model, f"{kind}_pulse"))(0, N, g, state, counts, constants, key)

    step = getattr(oracle, f"{kind}_{name}")
    g64, state64 = devices.g_uS.astype(float), devices.state.astype(float)
    for k in range(counts.max()):
        done = counts > k
        g_next, state_next = step(g64, state64, constants.astype(float), _normals(key, N, k))
        g64 = np.where(done, g_next, g64)
        state64 = np.where(done, state_next, state64)
    np.testing.assert_allclose(g, g64, atol=2e-4)
    np.testing.assert_allclose(state, state64, rtol=1e-5, atol=1e-6)


def test_a_dead_exp_step_device_does_not_move():
    g, state = np.zeros(1, np.float32), np.zeros((3, 1), np.float32)
    state[0] = 1.0
    pulse_train_kernel(ExpStep.set_pulse)(
        0, 1, g, state, np.array([5]), ExpStep().constants(), np.uint64(1)
    )
    assert g[0] == 0.0
