"""The sentence about a table of sensitivities, and its picture."""

import pandas as pd
import pytest

from imc_grapes.data.metric import ACCURACY, NLL
from imc_grapes.experiment.sensitivity import RunSensitivity
from imc_grapes.pictures.sensitivity import sensitivity_picture
from imc_grapes.pictures.sensitivity_words import finding


def table(*rows, metric=ACCURACY, repeats=4):
    """Rows of layer, nonideality, loss and std."""
    frame = pd.DataFrame(
        [(layer, what, 0.9 - loss, loss, std) for layer, what, loss, std in rows],
        columns=["layer", "nonideality", "score", "loss", "std"],
    ).sort_values("loss", ascending=False)
    return RunSensitivity("x", "arrays", metric, 0.9, frame, 86400.0, "global", repeats, 0)


WHOLE = ("all", "all", 0.05, 0.002)
DRIFT, NOISE = ("all", "drift", 0.031, 0.002), ("all", "read_noise", 0.01, 0.002)
LAYERS = ("conv", "all", 0.02, 0.001), ("head", "all", 0.01, 0.001)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            table(WHOLE, DRIFT, NOISE, *LAYERS),
            "Work first on drift: 3.1 points lost by that alone, 5.0 points by everything together. Of the layers, "
            "conv alone loses most: 2.0 points.",
        ),
        (
            table(WHOLE, DRIFT, ("all", "faults", 0.029, 0.004)),
            "Work first on drift: 3.1 points lost by that alone, 5.0 points by everything together; no different "
            "within two standard errors: stuck devices (2.9 points).",
        ),
        (
            table(WHOLE, *LAYERS),
            "Work first on layer conv: 2.0 points lost by that alone, 5.0 points by everything together.",
        ),
        (
            table(WHOLE, *LAYERS, ("all", "drift", 0.001, 0.002)),
            "No nonideality to work on first: none alone loses more than two standard errors; 5.0 points by everything "
            "together. Of the layers, conv alone loses most: 2.0 points.",
        ),
        (
            table(WHOLE, ("conv", "all", 0.001, 0.002)),
            "No layer to work on first: none alone loses more than two standard errors; 5.0 points by everything "
            "together.",
        ),
        (
            table(("all", "all", -0.001, 0.002), ("all", "drift", 0.001, 0.002)),
            "Nothing to work on: 0.0 points by everything together, which is within two standard errors of none.",
        ),
        (
            table(("all", "all", 0.5, 0.0), ("all", "wires", 0.25, 0.0), metric=NLL, repeats=1),
            "Work first on wires: 0.25 nats lost by that alone, 0.50 nats by everything together.",
        ),
    ],
)
def test_the_sentence_names_what_loses_most(found, sentence):
    assert finding(found) == sentence


def test_the_picture_is_sorted_by_loss():
    picture = sensitivity_picture(table(WHOLE, *LAYERS, NOISE, DRIFT))
    bars, lines, _ = picture.spec["layer"]
    names = ["everything together", "drift", "layer conv", "read noise", "layer head"]
    shown = picture.spec["data"]["values"]
    assert sorted(names) == sorted(row["name"] for row in shown)
    assert bars["encoding"]["y"]["sort"][:3] == names[:3]
    assert [row["loss"] for row in shown] == pytest.approx([5.0, 3.1, 2.0, 1.0, 1.0])
    assert bars["encoding"]["x"]["title"] == "test accuracy lost, in percentage points"
    assert lines["encoding"]["x"]["field"] == "low"
    assert "Work first on drift" in picture.caption
