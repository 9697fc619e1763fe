import numpy as np
import pytest

from device_models import Faults
from device_models.inference.spec import inference_statistics


def test_fractions_are_met_and_disjoint():
    stuck = Faults(stuck_reset=0.05, stuck_set=0.02).draw(400_000, seed=1)
    assert stuck.reset_index.size / 400_000 == pytest.approx(0.05, rel=0.05)
    assert stuck.set_index.size / 400_000 == pytest.approx(0.02, rel=0.05)
    assert not set(stuck.reset_index) & set(stuck.set_index)


def test_the_seed_fixes_them_and_more_faults_keep_the_earlier_ones():
    few, again = (Faults(stuck_reset=0.01).draw(50_000, seed=1) for _ in range(2))
    np.testing.assert_array_equal(few.reset_index, again.reset_index)
    more = Faults(stuck_reset=0.1).draw(50_000, seed=1)
    assert set(few.reset_index) < set(more.reset_index)
    other = Faults(stuck_reset=0.01).draw(50_000, seed=2)
    assert not np.array_equal(few.reset_index, other.reset_index)


@pytest.mark.parametrize("name", ["stuck_reset", "stuck_set"])
def test_a_fraction_of_one_catches_every_device(name):
    stuck = Faults.of({name: 1.0}).draw(100_000, seed=0)
    assert stuck.reset_index.size + stuck.set_index.size == 100_000


@pytest.mark.parametrize(("name", "level"), [("stuck_reset", 0.1), ("stuck_set", 25.0)])
def test_stuck_devices_take_no_target_and_do_not_drift(name, level):
    model = inference_statistics(
        "pcm_nandakumar2019", faults={name: 1.0}, read_noise={"scale": 0.0}
    )
    state = model.program(np.linspace(0.0, 25.0, 1000), seed=0)
    np.testing.assert_allclose(state.g_programmed_uS, level)
    np.testing.assert_allclose(model.read(state, 31536000.0, seed=0), level)
