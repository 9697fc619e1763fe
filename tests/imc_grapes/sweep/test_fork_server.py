"""A module that is not there is passed over in silence by the fork server, and then imported by every worker."""

from importlib.util import find_spec

import pytest

from imc_grapes.config import RunConfig
from imc_grapes.sweep.fork_server import needed_modules

PROGRAMMED = {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}}
SPIKING = {"data": {"name": "jsb"}, "network": {"kind": "snu"}}


def config(**sections):
    return RunConfig.model_validate({"name": "one", **sections})


@pytest.mark.parametrize(
    ("sections", "among_them"),
    [
        ({}, "imc_grapes.sweep.attempt"),
        ({"hardware": PROGRAMMED}, "kernels.programming"),
        ({"hardware": {"tile": "pcm"}}, "crossbar.pcm_tile"),
        ({"hardware": {"tile": "aihwkit", "preset": "IdealizedPreset"}}, "aihwkit.nn.conversion"),
        (SPIKING, "kernels.snu"),
    ],
)
def test_every_module_named_is_there(sections, among_them):
    modules = needed_modules([config(**sections)])
    assert among_them in modules
    assert [name for name in modules if find_spec(name) is None] == []


def test_a_digital_sweep_waits_for_no_device_kernels():
    assert not any(
        name.startswith(("kernels.", "crossbar.")) for name in needed_modules([config()])
    )
