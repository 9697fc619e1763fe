import pytest

from device_models.presets import presets
from imc_grapes.pictures.devices import device_pictures, save_device_pictures
from kernels.errors import InputError

SIGNATURES = {".png": b"\x89PNG", ".svg": b"<svg", ".pdf": b"%PDF", ".html": b"<!DOCTYPE html>"}


@pytest.fixture(autouse=True)
def _few_devices(monkeypatch):
    monkeypatch.setattr("imc_grapes.pictures.devices._DEVICES", 300)


@pytest.mark.parametrize("suffix", SIGNATURES)
def test_every_format_is_written(tmp_path, suffix):
    file = tmp_path / f"device{suffix}"
    save_device_pictures("ideal", file)
    assert file.read_bytes().lstrip().startswith(SIGNATURES[suffix])


def test_the_page_works_offline(tmp_path):
    file = tmp_path / "device.html"
    save_device_pictures("linear", file)
    assert "<script src=" not in file.read_text()


@pytest.mark.parametrize("name", [preset.name for preset in presets()])
def test_every_preset_has_four_pictures_that_state_a_message(name):
    chart = device_pictures(name).to_dict()
    assert len(chart["concat"]) == 4
    for picture in chart["concat"]:
        assert picture["title"]
        for layer in picture["layer"]:
            for axis in ("x", "y"):
                title = layer["encoding"].get(axis, {}).get("title")
                assert title is None or "(" in title or "RESET" in title or "nu" in title


def test_unknown_names_and_suffixes_are_named(tmp_path):
    with pytest.raises(InputError, match="no such"):
        save_device_pictures("no such", tmp_path / "a.png")
    with pytest.raises(InputError, match=r"\.png"):
        save_device_pictures("ideal", tmp_path / "a.gif")
    with pytest.raises(InputError, match="cannot be written"):
        save_device_pictures("ideal", tmp_path / "missing" / "a.svg")
