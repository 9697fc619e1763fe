"""``training.grapes`` with a readout circuit and a factor of a few bits."""

import pytest

from crossbar import ColumnCurrent, PerDevice, Probe
from imc_grapes import InputError, load_run_config

PCM = "hardware: {tile: pcm}"
DIGITAL = "hardware: {tile: digital}"


def config(tmp_path, grapes, hardware=PCM):
    path = tmp_path / "run.yaml"
    path.write_text(f"name: x\n{hardware}\ntraining:\n  grapes: {grapes}\n")
    return load_run_config(path).training.grapes


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{kind: column_current, adc_bits: 8}", ColumnCurrent(adc_bits=8)),
        ("{kind: probe, k: 32, read_noise: 1e-2}", Probe(k=32, read_noise=0.01)),
        ("{kind: per_device, refresh_every: 10}", PerDevice(refresh_every=10)),
        (
            "{kind: column_current, adc_bits: 6, adc_range: 0.25}",
            ColumnCurrent(adc_bits=6, adc_range=0.25),
        ),
    ],
)
def test_a_readout_is_read_from_yaml(tmp_path, written, meant):
    found = config(tmp_path, f"{{mode: propagating, readout: {written}, factor_bits: 4}}")
    assert found.readout == meant
    assert found.factor_bits == 4


def test_by_default_the_read_is_exact_and_nothing_is_rounded(tmp_path):
    found = config(tmp_path, "{mode: propagating}", DIGITAL)
    assert found.readout.is_exact
    assert found.factor_bits is None


@pytest.mark.parametrize(
    ("grapes", "hardware", "complaint"),
    [
        ("{mode: propagating, readout: {kind: probe}}", DIGITAL, "readout.*digital"),
        ("{mode: none, readout: {kind: probe}}", PCM, "readout.*mode is none"),
        ("{mode: off, factor_bits: 4}", PCM, "factor_bits.*mode is none"),
        ("{mode: propagating, factor_bits: 0}", PCM, "factor_bits"),
        ("{mode: propagating, readout: {kind: columns}}", PCM, "readout"),
        ("{mode: propagating, readout: {kind: per_device, k: 3}}", PCM, "k"),
        ("{mode: propagating, readout: {kind: per_device, adc_range: 0.5}}", PCM, "adc_range"),
    ],
)
def test_what_cannot_be_honoured_is_an_error(tmp_path, grapes, hardware, complaint):
    with pytest.raises(InputError, match=complaint):
        config(tmp_path, grapes, hardware)
