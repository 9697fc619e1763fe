import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_data import NOTES, roll, write_music
from scipy.io import savemat

from imc_grapes import InputError
from imc_grapes.data.chorales import chorale_batch, read_chorales
from imc_grapes.data.jsb import ChoralesConfig
from imc_grapes.data.load import load_dataset


def test_the_published_parts_are_read(tmp_path):
    write_music(tmp_path, counts=(5, 3, 2))
    train, validation, test = read_chorales(tmp_path)
    assert (len(train), len(validation), len(test)) == (5, 3, 2)
    assert all(r.shape[1] == NOTES and r.dtype == torch.float32 for r in train.rolls)
    assert all(bool((r.sum(1) == 3).all()) for r in train.rolls)


def test_a_batch_predicts_every_step_but_the_first_and_counts_no_padding():
    rolls = [torch.from_numpy(roll(steps).astype(np.float32)) for steps in (7, 4)]
    batch = chorale_batch(rolls)
    assert batch.inputs.shape == batch.targets.shape == (6, 2, NOTES)
    assert torch.equal(batch.inputs[:, 0], rolls[0][:-1])
    assert torch.equal(batch.targets[:3, 1], rolls[1][1:])
    assert batch.counted.sum(0).tolist() == [6, 3]
    assert batch.inputs[3:, 1].sum() == 0


def test_batches_cover_every_chorale_once_in_an_order_that_the_seed_fixes(tmp_path):
    write_music(tmp_path)
    train, _, _ = read_chorales(tmp_path)

    def lengths(seed):
        order = None if seed is None else torch.Generator().manual_seed(seed)
        found = [batch.counted.sum(0).int().tolist() for batch in train.batches(5, order)]
        assert len(found) == train.n_batches(5) == 3
        return [length for batch in found for length in batch]

    assert lengths(None) == [len(r) - 1 for r in train.rolls]
    assert lengths(3) == lengths(3)
    assert lengths(3) != lengths(4)
    assert sorted(lengths(3)) == sorted(lengths(None))


def _broken(path, **content):
    savemat(path, content)


def _one(values):
    rolls = np.empty((1, 1), object)
    rolls[0, 0] = np.asarray(values, np.uint8)
    return rolls


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((9, 87)), r"traindata\[0\]: must be \[time, 88\], with notes on axis 1"),
        (np.zeros((88, 9)), r"with notes on axis 1, not of shape \(88, 9\)"),
        (np.zeros((1, 88)), r"axis 0 \(time\) has 1 steps"),
        (np.full((9, 88), 2), "something else than 0 and 1"),
    ],
)
def test_a_bad_roll_is_an_error_that_names_the_axis(tmp_path, bad, message):
    path = write_music(tmp_path)
    _broken(path, traindata=_one(bad), validdata=_one(roll(5)), testdata=_one(roll(5)))
    with pytest.raises(InputError, match=message):
        read_chorales(tmp_path)


def test_a_broken_file_and_one_without_a_part_are_errors(tmp_path, monkeypatch):
    monkeypatch.delenv("IMC_GRAPES_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_music(tmp_path)
    _broken(path, traindata=_one(roll(5)))
    with pytest.raises(InputError, match="holds no 'validdata'"):
        read_chorales(tmp_path)
    path.write_bytes(b"no matrix")
    with pytest.raises(InputError, match="cannot be read as a MATLAB file"):
        read_chorales(tmp_path)
    path.unlink()
    with pytest.raises(
        InputError, match=r"'jsb' not found\. It needs the files JSB_Chorales\.mat\."
    ):
        read_chorales(tmp_path)


def test_fewer_chorales_can_be_asked_for_but_not_more(tmp_path):
    write_music(tmp_path)
    dataset = load_dataset(ChoralesConfig(name="jsb", train_samples=5, test_samples=2), 0, tmp_path)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (5, 4, 2)
    assert (dataset.train.n_features, dataset.n_classes) == (NOTES, NOTES)
    with pytest.raises(InputError, match=r"data\.train_samples: 99 is more than the 12 samples"):
        load_dataset(ChoralesConfig(name="jsb", train_samples=99), 0, tmp_path)


@pytest.mark.data
@pytest.mark.skipif("IMC_GRAPES_DATA" not in os.environ, reason="needs the JSB chorales")
def test_the_real_chorales_have_their_published_counts():
    parts = read_chorales(Path(os.environ["IMC_GRAPES_DATA"]))
    assert [len(part) for part in parts] == [229, 76, 77]
    assert [sum(map(len, part.rolls)) for part in parts] == [13807, 4602, 4725]


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(kind, sizes, *parts, name=b"traindata"):
    head = element(6, bytes([kind]) + bytes(7)) + element(5, struct.pack("<2i", *sizes))
    return element(14, head + element(1, name) + b"".join(parts))


HEADER = b"made up".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER + matrix(1, (1, 2**31 - 1)), "claims 2,147,483,647 cells and has 0"),
        (HEADER + matrix(1, (-1, -1)), "claims 1 cells and has 0"),
        (HEADER + matrix(6, (2**20, 2**20), element(9, bytes(8))), "numbers in"),
        (HEADER + matrix(2, (1, 2**31 - 1)), "something else than numbers"),
        (HEADER + matrix(17, (1, 1)), "something else than numbers"),
        (HEADER + element(15, zlib.compress(bytes(1 << 27))), "unpacks to more than 64 MiB"),
        (HEADER + struct.pack("<II", 14, 2**32 - 1), "longer than the file"),
        (HEADER[:100], "none of version 5"),
        (b"\x89HDF\r\n", "none of version 5"),
        (b"", "none of version 5"),
    ],
)
def test_what_a_file_claims_is_looked_at_before_room_is_made(tmp_path, content, words):
    (tmp_path / "JSB").mkdir()
    (tmp_path / "JSB" / "JSB_Chorales.mat").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(InputError, match=rf"JSB_Chorales\.mat: .*{words}"):
        read_chorales(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 28


def test_cells_within_cells_end(tmp_path):
    nest = matrix(6, (1, 1), element(9, bytes(8)))
    for _ in range(200):
        nest = matrix(1, (1, 1), nest)
    (tmp_path / "JSB").mkdir()
    (tmp_path / "JSB" / "JSB_Chorales.mat").write_bytes(HEADER + nest)
    with pytest.raises(InputError, match="a matrix is damaged"):
        read_chorales(tmp_path)
