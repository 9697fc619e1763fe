"""Losses and metrics against what NumPy makes of the same numbers."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_data import write_music, write_text
from torch import nn

from imc_grapes.data.chorales import read_chorales
from imc_grapes.data.dataset import Split
from imc_grapes.data.words import read_words
from imc_grapes.objectives.image_classification import ImageClassification
from imc_grapes.objectives.next_chord import NextChord
from imc_grapes.objectives.next_word import NextWord


class Guesses(nn.Module):
    """Answers that depend on the input alone, so that batches and padding cannot matter."""

    def __init__(self, n_in, n_out, words=False):
        super().__init__()
        torch.manual_seed(0)
        self.words = words
        self.answers = nn.Embedding(n_in, n_out) if words else nn.Linear(n_in, n_out)

    def forward(self, x, state=None):
        return self.answers(x), torch.zeros(1) if state is None else state + 1


def nll_by_numpy(model, rolls):
    """Mean over all time steps, and over chorales of each one's mean."""
    total, steps, of_chorales = 0.0, 0, []
    for roll in rolls:
        with torch.no_grad():
            log_odds = model(roll[:-1])[0].double().numpy()
        notes = roll[1:].double().numpy()
        p = 1 / (1 + np.exp(-log_odds))
        of_roll = -(notes * np.log(p) + (1 - notes) * np.log(1 - p)).sum()
        total += of_roll
        steps += len(roll) - 1
        of_chorales.append(of_roll / (len(roll) - 1))
    return total / steps, np.mean(of_chorales)


def test_nll_of_chorales_is_the_mean_over_time_steps_without_padding(tmp_path):
    write_music(tmp_path)
    train, _, _ = read_chorales(tmp_path)
    model = Guesses(88, 88)
    task = NextChord()
    over_steps, over_chorales = nll_by_numpy(model, train.rolls)
    assert abs(over_steps - over_chorales) > 1e-3, "chorales of one length cannot tell them apart"
    assert task.score(model, train) == pytest.approx(over_steps, rel=1e-5)
    assert task.scores(model, train) == {
        "nll": pytest.approx(over_steps, rel=1e-5),
        "nll_per_chorale": pytest.approx(over_chorales, rel=1e-5),
    }
    sums = [task.loss(model, batch, None) for batch in train.batches(5, order=None)]
    mean = sum(float(s.mean.detach()) * s.items for s in sums) / sum(s.items for s in sums)
    assert mean == pytest.approx(task.score(model, train), rel=1e-5)
    assert task.training_score(mean, 0, 1) == mean


@pytest.mark.data
@pytest.mark.skipif("IMC_GRAPES_DATA" not in os.environ, reason="needs the JSB chorales")
def test_the_marginals_of_the_notes_give_the_published_figure_per_chorale():
    """11.04 nats: published figures are means over chorales, not over time steps, where it is 11.09."""
    train, _, test = read_chorales(Path(os.environ["IMC_GRAPES_DATA"]))
    p = torch.cat([roll[1:] for roll in train.rolls]).double().mean(0).clamp(1e-9, 1 - 1e-9)
    model = Guesses(88, 88)
    nn.init.zeros_(model.answers.weight)
    model.answers.bias.data = torch.log(p / (1 - p)).float()
    scores = NextChord().scores(model, test)
    assert scores["nll"] == pytest.approx(11.09, abs=0.005)
    assert scores["nll_per_chorale"] == pytest.approx(11.04, abs=0.005)


def test_a_network_that_knows_nothing_has_88_times_log_2(tmp_path):
    write_music(tmp_path)
    _, _, test = read_chorales(tmp_path)
    model = Guesses(88, 88)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    assert NextChord().score(model, test) == pytest.approx(88 * math.log(2), rel=1e-5)


def test_perplexity_of_a_network_that_knows_nothing_is_the_vocabulary(tmp_path):
    write_text(tmp_path)
    train, _, test = read_words(tmp_path, window=5)
    model = Guesses(train.vocabulary, train.vocabulary, words=True)
    nn.init.zeros_(model.answers.weight)
    assert NextWord().score(model, test) == pytest.approx(train.vocabulary, rel=1e-5)


def test_state_is_carried_through_a_text_and_begins_anew_with_it(tmp_path):
    write_text(tmp_path)
    train, _, _ = read_words(tmp_path, window=5)
    model = Guesses(train.vocabulary, train.vocabulary, words=True)
    carry = None
    for epoch in range(2):
        for count, batch in enumerate(train.batches(4, order=None)):
            carry = NextWord().loss(model, batch, carry).carry
            assert float(carry) == count, epoch
            assert not carry.requires_grad


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_image_losses_equal_numpy(loss):
    torch.manual_seed(1)
    images, labels = torch.rand(7, 1, 2, 2), torch.randint(3, (7,))
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    found = ImageClassification(loss).loss(model, Split(images, labels), None)
    answers = model(images).detach().double().numpy()
    if loss == "squared_error":
        expected = ((answers - np.eye(3)[labels.numpy()]) ** 2).mean()
    else:
        logs = answers - np.log(np.exp(answers).sum(1, keepdims=True))
        expected = -logs[np.arange(7), labels.numpy()].mean()
    assert float(found.mean.detach()) == pytest.approx(expected, rel=1e-5)
    assert found.items == 7
    assert found.correct == (answers.argmax(1) == labels.numpy()).sum()
