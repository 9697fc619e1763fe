"""The sensitivity of a finished run."""

import pytest

from imc_grapes import RunConfig, run_experiment
from imc_grapes.experiment import Listener
from imc_grapes.experiment.restore import restore
from imc_grapes.experiment.sensitivity import measure_sensitivity
from imc_grapes.training.loop import Interrupted
from kernels.errors import InputError

TILES = {"tile": "pcm", "device": {"model": "nandakumar2018"}}
ARRAYS = {
    "tile": "pcm",
    "update": {"kind": "software"},
    "array": {"rows": 32},
    "io": {"inp_range": "calibrated", "out_range": "calibrated"},
    "wires": {"row_ohm": 2.0, "column_ohm": 2.0},
}
PAIRS = {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}}


@pytest.fixture
def finished(tmp_path):
    def run(hardware, **more):
        config = RunConfig.model_validate(
            {
                "name": "x",
                "data": {"name": "digits", "train_samples": 100, "test_samples": 40},
                "network": {"kind": "mlp", "hidden": [6]},
                "training": {"epochs": 1},
                "hardware": hardware,
                "evaluation": {"repeats": 1, "times_s": [25]},
                **more,
            }
        )
        run_experiment(config, out_dir=tmp_path / "run")
        return restore(tmp_path / "run")

    return run


class Counting(Listener):
    def __init__(self, stop_after=None):
        self.steps = 0
        self.promised = None
        self.stop_after = stop_after

    def stage(self, name, steps, done=0):
        self.promised = steps

    def step(self):
        self.steps += 1

    def stop_requested(self):
        return self.steps == self.stop_after


def measured(run, listener, repeats=2):
    return measure_sensitivity(
        run, time_s=86400.0, repeats=repeats, compensation="global", seed=0, listener=listener
    )


def test_every_read_is_a_step_that_was_promised(finished):
    listener = Counting()
    found = measured(finished(PAIRS), listener)
    assert listener.steps == listener.promised == 2 * len(found.frame)


def test_tiles_trained_in_place_have_layers_alone(finished):
    found = measured(finished(TILES), Counting(), repeats=1)
    assert set(found.frame["nonideality"]) == {"all"}
    assert len(found.frame) == 3  # two layers, and both


def test_arrays_suffer_from_converters_and_wires(finished):
    listener = Counting()
    found = measured(finished(ARRAYS), listener)
    alone = set(found.frame.loc[found.frame["layer"] == "all", "nonideality"])
    assert alone == {"all", "programming", "drift", "read_noise", "converters", "wires"}
    # Wires are the same in every repeat, and scored once.
    assert listener.steps == listener.promised == 2 * len(found.frame) - 1


def test_tiles_trained_in_place_do_not_go_to_a_gpu(finished, tmp_path):
    finished(TILES)
    with pytest.raises(InputError, match=r"device: cuda, but hardware\.tile: pcm"):
        restore(tmp_path / "run", device="cuda")


def test_stopped_in_the_middle_the_network_is_as_trained(finished):
    run = finished(PAIRS)
    before = {name: value.clone() for name, value in run.trainer.model.state_dict().items()}
    with pytest.raises(Interrupted):
        measured(run, Counting(stop_after=3))
    for name, value in run.trainer.model.state_dict().items():
        assert value.equal(before[name]), name
