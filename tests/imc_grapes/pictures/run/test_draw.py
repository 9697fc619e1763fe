import mido
import pytest
import torch
from made_up_data import write_music
from torch import nn

from imc_grapes import InputError, RunConfig, run_experiment
from imc_grapes.pictures.run import draw_run
from imc_grapes.pictures.run.generation import compose
from imc_grapes.pictures.run.midi import TICKS_PER_STEP, write_midi
from imc_grapes.pictures.run.raster import raster_picture
from imc_grapes.spiking import SNU


def sounding(file, steps):
    """Notes that sound in the middle of every time step, as the MIDI file has it."""
    rows = torch.zeros(steps, 88)
    (track,) = mido.MidiFile(file).tracks
    now, on = 0, {}
    for message in track:
        now += message.time
        if message.type == "note_on":
            on[message.note] = now
        elif message.type == "note_off":
            start = on.pop(message.note)
            rows[start // TICKS_PER_STEP : now // TICKS_PER_STEP, message.note - 21] = 1
    assert not on
    return rows


def test_a_midi_file_sounds_as_the_roll_says(tmp_path):
    roll = (torch.rand(40, 88, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    roll[10:13] = 0
    write_midi(roll, tmp_path / "a.mid")
    assert torch.equal(sounding(tmp_path / "a.mid", 40), roll)


class Repeats(nn.Module):
    """Is sure that the next chord is this one, a key higher; counts the steps that it heard."""

    def forward(self, x, state=0):
        log_odds = 100.0 * (torch.roll(x, 1, dims=2) - 0.5)
        return log_odds, state + len(x)


def test_composing_goes_on_from_the_primer_with_the_networks_own_chords():
    primer = torch.zeros(3, 88)
    primer[:, 40] = 1
    roll = compose(Repeats(), primer, 5, torch.Generator().manual_seed(0))
    assert torch.equal(roll[:3], primer)
    assert [int(chord.argmax()) for chord in roll[3:]] == [41, 42, 43, 44, 45]
    assert (roll.sum(1) == 1).all()


def values_of(spec):
    """All inline data of a picture, chart by chart."""
    found = []

    def visit(node):
        if isinstance(node, dict):
            if "values" in node.get("data", {}):
                found.append(node["data"]["values"])
            for child in node.values():
                visit(child)
        elif isinstance(node, list):
            for child in node:
                visit(child)

    visit(spec)
    return found


def test_the_raster_shows_the_spikes_that_there_were():
    layer = SNU(4, 3)
    with torch.no_grad():
        layer.linear_ih.weight.fill_(0.4)
    x = (torch.rand(9, 1, 4, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    outputs, states, _ = layer.trace(x)
    inputs, units, potential, *_ = values_of(raster_picture(nn.Sequential(layer), x).spec)
    assert {(p["step"], p["row"]) for p in inputs} == set(map(tuple, x[:, 0].nonzero().tolist()))
    fired = set(map(tuple, outputs[:, 0].nonzero().tolist()))
    assert fired
    assert {(p["step"], p["row"]) for p in units} == fired
    assert [p["s"] for p in potential] == pytest.approx(states[:, 0, 0].tolist())


@pytest.fixture
def run_folder(tmp_path):
    write_music(tmp_path / "data")
    config = RunConfig.model_validate(
        {
            "name": "music",
            "data": {"name": "jsb", "batch_size": 4},
            "network": {"kind": "snu", "hidden": (10,)},
            "hardware": {"tile": "digital", "statistics": {"preset": "pcm_nandakumar2019"}},
            "training": {"epochs": 1},
            "evaluation": {"times_s": (25.0, 3600.0), "repeats": 2},
        }
    )
    run_experiment(config, data_dir=tmp_path / "data", out_dir=tmp_path / "run")
    return tmp_path


def test_all_pictures_of_a_run_on_devices(run_folder):
    files = draw_run(run_folder / "run", run_folder / "pictures", run_folder / "data")
    names = {file.name for file in files}
    expected = {
        f"{name}.{ending}"
        for name in ("raster", "piano_roll", "nll_over_time")
        for ending in ("png", "svg", "pdf")
    }
    assert names == expected | {"composed.mid"}
    assert all(file.stat().st_size > 0 for file in files)


def test_a_run_without_anything_to_draw_is_an_error(tmp_path):
    config = RunConfig.model_validate(
        {
            "name": "digits",
            "data": {"name": "digits", "train_samples": 100, "test_samples": 50},
            "network": {"kind": "mlp", "hidden": (5,)},
            "training": {"epochs": 1},
        }
    )
    run_experiment(config, out_dir=tmp_path / "run")
    with pytest.raises(InputError, match="there is nothing to draw of a network of kind 'mlp'"):
        draw_run(tmp_path / "run", tmp_path / "pictures")
    with pytest.raises(InputError, match="holds no finished run"):
        draw_run(tmp_path / "nowhere", tmp_path / "pictures")
