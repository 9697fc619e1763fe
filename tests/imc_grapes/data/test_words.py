import pytest
import torch
from made_up_data import write_text

from imc_grapes import InputError
from imc_grapes.data.words import Words, read_words


def test_words_are_numbered_by_the_training_text_and_lines_end(tmp_path):
    write_text(tmp_path)
    train, validation, test = read_words(tmp_path, window=5)
    assert train.vocabulary == validation.vocabulary == test.vocabulary == 9
    assert int(train.tokens.max()) == 8
    assert len(train) > len(test) > 0
    lines = (tmp_path / "PTB" / "ptb.train.txt").read_text().splitlines()
    assert len(train) == sum(len(line.split()) + 1 for line in lines)


def test_windows_go_through_every_stream_in_order():
    text = Words(torch.arange(23), vocabulary=23, window=4)
    batches = list(text.batches(2, order=None))
    assert len(batches) == text.n_batches(2) == 3
    assert [batch.goes_on for batch in batches] == [False, True, True]
    assert torch.cat([batch.inputs for batch in batches])[:, 0].tolist() == list(range(10))
    assert torch.cat([batch.targets for batch in batches])[:, 1].tolist() == list(range(12, 22))


def test_a_word_that_training_never_saw_is_unknown_or_an_error(tmp_path):
    folder = write_text(tmp_path)
    (folder / "ptb.test.txt").write_text("the zebra\n")
    _, _, test = read_words(tmp_path, window=5)
    train_text = (folder / "ptb.train.txt").read_text()
    assert len(test) == 3
    (folder / "ptb.train.txt").write_text(train_text.replace("<unk>", "x"))
    with pytest.raises(InputError, match=r"ptb.valid.txt: '<unk>' is not a word"):
        read_words(tmp_path, window=5)


def test_empty_and_binary_files_and_too_short_texts_are_errors(tmp_path):
    folder = write_text(tmp_path)
    with pytest.raises(InputError, match="too few for 500 streams"):
        next(read_words(tmp_path, 5)[2].batches(500, order=None))
    (folder / "ptb.valid.txt").write_text("")
    with pytest.raises(InputError, match=r"ptb.valid.txt: is empty"):
        read_words(tmp_path, window=5)
    (folder / "ptb.valid.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_words(tmp_path, window=5)
