import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imc_grapes import InputError
from imc_grapes.data.base import DATA
from imc_grapes.data.cifar_pickle import read_arrays

FILES, OTHER_LAYOUTS = (
    {name: DATA[name].files.layouts[index] for name in ("cifar10", "cifar100")} for index in (0, 1)
)


def read_cifar(name, folder):
    return DATA[name]().read(folder)


COUNT = {"train": 6, "test": 4}


def python_2_pickle(pixels, labels, key):
    """The opcodes that Python 2 wrote into the published files: strings are bytes, truth values numbers."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"M" + struct.pack("<H", value)

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        + b"(K\x01"
        + number(pixels.shape[0])
        + number(pixels.shape[1])
        + b"\x86cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T"
        + struct.pack("<i", pixels.nbytes)
        + pixels.tobytes()
        + b"tb"
    )
    listed = b"](" + b"".join(number(int(label)) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(key.encode()) + listed + b"u."


def by_python_3(protocol, name_of):
    def write(pixels, labels, key):
        content = {
            name_of("data"): pixels,
            name_of(key): [int(label) for label in labels],
            name_of("batch_label"): b"training batch 1 of 5",
        }
        return pickle.dumps(content, protocol=protocol)

    return write


WRITERS = {
    "Python 2": python_2_pickle,
    "protocol 2": by_python_3(2, str.encode),
    "protocol 4": by_python_3(4, str),
    "protocol 5": by_python_3(5, str),
}


def made_up(name, part):
    """Pixels of which each tells its image, channel, row and column; labels that run through the classes."""
    n = COUNT["test" if part == "test" else "train"]
    rng = np.random.default_rng(sorted(FILES[name][1]).index(part))
    pixels = rng.integers(0, 256, (n, 3072)).astype(np.uint8)
    labels = rng.integers(0, 10 if name == "cifar10" else 100, n)
    return pixels, labels


def write_python(folder, name, writer=python_2_pickle, **replaced):
    place, files = FILES[name]
    (folder / place).mkdir(parents=True)
    key = "labels" if name == "cifar10" else "fine_labels"
    for part, file in files.items():
        pixels, labels = replaced.get(part, made_up(name, part))
        (folder / place / file).write_bytes(writer(pixels, labels, key))


def write_binary(folder, name):
    place, files = OTHER_LAYOUTS[name]
    (folder / place).mkdir(parents=True)
    for part, file in files.items():
        pixels, labels = made_up(name, part)
        columns = [labels[:, None].astype(np.uint8), pixels]
        if name == "cifar100":
            columns.insert(0, np.full((len(labels), 1), 19, np.uint8))
        (folder / place / file).write_bytes(np.hstack(columns).tobytes())


def expected(name):
    parts = [part for part in FILES[name][1] if part != "test"]
    train = [made_up(name, part) for part in parts]
    return [
        (np.concatenate([p for p, _ in train]), np.concatenate([y for _, y in train])),
        made_up(name, "test"),
    ]


def check(name, folder):
    for split, (pixels, labels) in zip(read_cifar(name, folder), expected(name), strict=True):
        assert split.images.dtype == torch.float32
        assert split.labels.tolist() == labels.tolist()
        shown = (split.images * 255).round().to(torch.uint8).numpy()
        assert np.array_equal(shown, pixels.reshape(-1, 3, 32, 32))
        assert float(split.images.max()) <= 1.0


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("writer", WRITERS)
def test_the_python_layout_whoever_wrote_it(tmp_path, name, writer):
    write_python(tmp_path, name, WRITERS[writer])
    check(name, tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_binary_layout(tmp_path, name):
    write_binary(tmp_path, name)
    check(name, tmp_path)
    check(name, tmp_path / OTHER_LAYOUTS[name][0])


class Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def test_a_pickle_runs_nothing(tmp_path):
    write_python(tmp_path, "cifar100")
    target = tmp_path / "written"
    batch = tmp_path / "cifar-100-python" / "train"
    batch.write_bytes(pickle.dumps({"data": Malicious(target), "fine_labels": []}))
    with pytest.raises(
        InputError, match=r"train: is not a batch .*_?io\.open, which arrays do not"
    ):
        read_cifar("cifar100", tmp_path)
    assert not target.exists()


PIXELS, LABELS = made_up("cifar100", "test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "test: is not a batch of CIFAR's python layout"),
        (python_2_pickle(PIXELS, LABELS, "fine_labels")[:-40], "test: is not a batch"),
        (pickle.dumps([1, 2]), "it holds a list"),
        (python_2_pickle(PIXELS, LABELS, "labels"), "holds no 'fine_labels', but data, labels"),
        (python_2_pickle(PIXELS[:, :-1], LABELS, "fine_labels"), r"bytes \[n, 3072\]"),
        (python_2_pickle(PIXELS, LABELS[:-1], "fine_labels"), "4 images and 3 labels"),
        (python_2_pickle(PIXELS[:0], LABELS[:0], "fine_labels"), "0 images and 0 labels"),
        (python_2_pickle(PIXELS, LABELS + 100, "fine_labels"), "not 0 to 99"),
        (pickle.dumps({"data": PIXELS, "fine_labels": ["a"] * 4}), "a list of whole numbers"),
        (pickle.dumps({"data": PIXELS.astype(int), "fine_labels": [1] * 4}), "array of bytes"),
    ],
)
def test_a_broken_batch_is_named(tmp_path, content, message):
    write_python(tmp_path, "cifar100")
    (tmp_path / "cifar-100-python" / "test").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_cifar("cifar100", tmp_path)


ARRAY = b"cnumpy\nndarray\n"
LABELLED = b"X\x0b\x00\x00\x00fine_labels]X\x04\x00\x00\x00data"


def rebuilt(shape, code=b"u1", order=b"|", content=b"ABCD"):
    """A hand-made array, as the published files have them."""
    text = b"".join(b"U" + bytes([len(one)]) + one for one in (code,))
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(" + ARRAY + b"K\x00\x85U\x01btR"
        b"(K\x01" + shape + b"cnumpy\ndtype\n(" + text + b"K\x00K\x01tR"
        b"(K\x03U"
        + bytes([len(order)])
        + order
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"U" + bytes([len(content)]) + content + b"tb"
    )


def nested_key(depth):
    return b"\x80\x02}" + b")" + b"\x85" * depth + b"Ns."


@pytest.mark.parametrize(
    "content",
    [
        # A pointer of the attacker's choice: ndarray((1,), 'O', b'AAAAAAAA').
        ARRAY + b"(K\x01\x85U\x01OU\x08AAAAAAAAtR",
        ARRAY + b")R",
        ARRAY + b")\x81",
        rebuilt(b"K\x01\x85", b"O8", content=b"A" * 8),
        rebuilt(b"K\x01\x85", b"V4"),
        rebuilt(b"K\x01\x85", b"u1, O"),
        rebuilt(b"K\x05\x85"),
        rebuilt(b"J\xff\xff\xff\xff\x85"),
        rebuilt(b"K\x01\x85" + b"0", b"u1"),
        rebuilt(b"(" + b"K\x01" * 100 + b"t", content=b"A"),
        rebuilt(b"K\x04\x85", order=b"O"),
        b"cnumpy.core.multiarray\n_reconstruct\n}b",
        b"cnumpy.core.multiarray\nscalar\n)R",
        b"c_codecs\nencode\n(U\x03abcU\x04zlibtR",
        b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R",
    ],
)
def test_only_the_arrays_of_the_published_files_are_made(tmp_path, content):
    write_python(tmp_path, "cifar100")
    batch = tmp_path / "cifar-100-python" / "test"
    batch.write_bytes(b"\x80\x02}(" + LABELLED + content + b"u.")
    with pytest.raises(InputError, match="test: is not a batch of CIFAR's python layout") as raised:
        read_cifar("cifar100", tmp_path)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "content",
    [
        nested_key(10**6),
        b"\x80\x02}Nr\xff\xff\xff\x7f.",
        b"\x80\x02}X\xff\xff\xff\x7fab.",
        b"\x80\x05\x96" + b"\xff" * 7 + b"\x7fab.",
        b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f}.",
        b"\x80\x02}(" + b"K\x01N" * 3 + b"u.",
    ],
    ids=["deep key", "memo", "text", "bytearray", "frame", "keys that are no names"],
)
def test_what_would_fill_the_memory_or_the_stack_is_refused(tmp_path, content):
    write_python(tmp_path, "cifar100")
    (tmp_path / "cifar-100-python" / "test").write_bytes(content)
    with pytest.raises(InputError, match="test: is not a batch of CIFAR's python layout"):
        read_cifar("cifar100", tmp_path)


def test_lists_within_lists_are_no_labels(tmp_path):
    laughs = [0]
    for _ in range(60):
        laughs = [laughs, laughs]
    write_python(tmp_path, "cifar100")
    content = pickle.dumps({"data": PIXELS, "fine_labels": laughs}, protocol=2)
    (tmp_path / "cifar-100-python" / "test").write_bytes(content)
    with pytest.raises(InputError, match="must be a list of whole numbers"):
        read_cifar("cifar100", tmp_path)


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_changed_batch_is_read_or_refused(tmp_path_factory, data):
    whole = python_2_pickle(PIXELS[:1, :30], LABELS[:1], "fine_labels")
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("batch") / "test"
    path.write_bytes(changed)
    try:
        content = read_arrays(path)
    except InputError:
        return
    for value in content.values():
        assert not isinstance(value, np.ndarray) or value.dtype.kind in "iu"


def test_a_binary_batch_that_is_cut_short_is_named(tmp_path):
    write_binary(tmp_path, "cifar10")
    batch = tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin"
    batch.write_bytes(batch.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"data_batch_3\.bin: is cut short.* no multiple of 3073"):
        read_cifar("cifar10", tmp_path)


def test_missing_files_are_asked_for_by_name_in_both_layouts(tmp_path, monkeypatch):
    monkeypatch.delenv("IMC_GRAPES_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InputError) as caught:
        read_cifar("cifar10", tmp_path)
    for named in ("data_batch_5, test_batch, or data_batch_1.bin", str(tmp_path), "cs.toronto.edu"):
        assert named in str(caught.value)
    assert ".gz" not in str(caught.value)
