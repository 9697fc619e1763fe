from pathlib import Path

import pytest

from imc_grapes import InputError
from imc_grapes.data.base import DATA
from imc_grapes.data.locate import VARIABLE, find_files, found_datasets, search_folders

FILES = {one.name: one.value.files.layouts[0] for one in DATA if one.value.files}


@pytest.fixture(autouse=True)
def _no_data_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def put(folder, name, ending="", leave_out=()):
    folder.mkdir(parents=True, exist_ok=True)
    for part, file in FILES[name][1].items():
        if part not in leave_out:
            (folder / (file + ending)).touch()
    return folder


def test_the_order_of_the_folders(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "variable"))
    cache = tmp_path / "cache" / "imc-grapes" / "data"
    given = tmp_path / "given"
    assert search_folders(given) == [given, tmp_path / "variable", cache]
    assert search_folders(None) == [tmp_path / "variable", cache]
    monkeypatch.setenv(VARIABLE, "")
    assert search_folders(None) == [cache]
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert search_folders(None) == [Path.home() / ".cache" / "imc-grapes" / "data"]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "emnist_letters"])
@pytest.mark.parametrize("inside", ["{}/raw", "{}", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_files_are_found_as_torchvision_lays_them_out_or_flat(tmp_path, name, inside, ending):
    folder = put(tmp_path / "data" / inside.format(FILES[name][0]), name, ending)
    found = find_files(name, tmp_path / "data")
    assert set(found) == {"train-images", "train-labels", "test-images", "test-labels"}
    assert {path.parent for path in found.values()} == {folder}


def test_unpacked_files_win_over_packed_ones(tmp_path):
    put(tmp_path, "mnist", ".gz")
    put(tmp_path, "mnist")
    assert all(path.suffix == "" for path in find_files("mnist", tmp_path).values())


def test_an_incomplete_folder_is_passed_over(tmp_path, monkeypatch):
    put(tmp_path / "given", "mnist", leave_out=["test-labels"])
    complete = put(tmp_path / "variable", "mnist")
    monkeypatch.setenv(VARIABLE, str(complete))
    assert find_files("mnist", tmp_path / "given")["train-images"].parent == complete


def test_a_missing_data_set_is_an_error_with_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "variable"))
    with pytest.raises(InputError) as caught:
        find_files("fashion_mnist", tmp_path / "given")
    message = str(caught.value)
    for file in FILES["fashion_mnist"][1].values():
        assert file in message
    for root in ("given", "variable", "cache/imc-grapes/data"):
        assert str(tmp_path / root / "FashionMNIST" / "raw") in message
    assert "--data-dir" in message
    assert VARIABLE in message


@pytest.mark.parametrize("inside", [".", "raw"])
def test_mnist_is_never_taken_for_fashion_mnist(tmp_path, inside):
    """Their files have the same names; only the folder tells them apart."""
    folder = put(tmp_path / "MNIST" / inside, "mnist")
    assert find_files("mnist", folder)["train-images"].parent == folder
    for root in (folder, tmp_path / "MNIST", tmp_path):
        with pytest.raises(InputError, match="'fashion_mnist' not found"):
            find_files("fashion_mnist", root)


def test_directories_are_no_files(tmp_path):
    for file in FILES["mnist"][1].values():
        (tmp_path / file).mkdir()
    with pytest.raises(InputError, match="not found"):
        find_files("mnist", tmp_path)


def test_which_data_sets_are_there(tmp_path):
    put(tmp_path / "FashionMNIST" / "raw", "fashion_mnist")
    found = found_datasets(tmp_path)
    assert found["fashion_mnist"] == tmp_path / "FashionMNIST" / "raw"
    assert found["mnist"] is None
    assert set(found) == set(FILES)
