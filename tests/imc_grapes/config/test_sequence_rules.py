import pytest

from imc_grapes import InputError
from imc_grapes.config import parse_run_config
from imc_grapes.config.yaml_file import parse_yaml

JSB = "data: {name: jsb}"
PTB = "data: {name: ptb}"
RATES = "data: {name: mnist, rate_coding: {steps: 5}}"
SNU = "network: {kind: snu}"
PAIRS = "hardware: {tile: digital, statistics: {preset: pcm_nandakumar2019}}"
PCM = "hardware: {tile: pcm, device: {model: nandakumar2018}}"


def check(*lines):
    return parse_run_config(parse_yaml("\n".join(("name: x", *lines)) + "\n", "x.yaml"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((JSB,), r"network.kind: 'mlp' takes images, and 'jsb' is sequences"),
        (("data: {rate_coding: {}}",), "data.rate_coding: a network of kind 'mlp' takes images as"),
        ((SNU,), r"data.rate_coding: a network of kind 'snu' takes images as spike trains"),
        (("data: {sequence: rows}",), "data.sequence: a network of kind 'mlp' takes images as"),
        (
            ("data: {sequence: rows, rate_coding: {}}", SNU),
            "data.sequence: an image is either rate coded or read row by row",
        ),
        (("data: {name: jsb, sequence: rows}", SNU), "data.sequence: unknown key"),
        ((JSB, "network: {kind: snu, output: units}"), "network.output: 'jsb' needs log-odds"),
        (
            (RATES, "network: {kind: snu, output: units, output_bias: -3}"),
            "network.output_bias: belongs to a linear output",
        ),
        ((JSB, "network: {kind: snu, embedding: 8}"), "network.embedding: belongs to words"),
        ((PTB, SNU), "network.embedding: words need one"),
        (
            (PTB, "network: {kind: snu, hidden: [9], embedding: 8, tied: true}"),
            "network.tied: needs an embedding as wide as the last hidden layer",
        ),
        ((JSB, SNU, "training: {loss: squared_error}"), "training.loss: belongs to images"),
        (
            (JSB, "network: {kind: snu, decay_per_unit: true}"),
            "network.decay_per_unit: makes no difference",
        ),
        (
            (JSB, "network: {kind: ssnu, pseudo_derivative: arctan}"),
            "network.pseudo_derivative: belongs to snu",
        ),
        (
            (PTB, "network: {kind: ssnu, hidden: [8], embedding: 8, tied: true}", PAIRS),
            "network.tied: weights on devices cannot be shared",
        ),
        (
            (JSB, SNU, PCM, "training: {keep: best, clip_norm: 1.0}"),
            "training.keep: devices that are updated in place cannot go back",
        ),
        (
            (JSB, SNU, PCM, "training: {clip_norm: 1.0}"),
            "training.clip_norm: devices that are updated in place never see a gradient",
        ),
        (
            ("data: {validation_fraction: 0.0}", "training: {patience: 3}"),
            "training.patience: needs validation data",
        ),
        (
            ("data: {validation_fraction: 0.0}", "training: {keep: best}"),
            "training.keep: best needs validation data",
        ),
        (
            ("data: {train_samples: 9}", "training: {keep: best}"),
            "training.keep: best needs validation data, and data.validation_fraction 0.1 of 9 images is none",
        ),
        (("data: {name: jbs}",), "data.name: 'jbs' is not one of"),
        ((JSB, "network: {kind: snu, decay: 1.5}"), "network.decay"),
        (("data: {name: jsb, rate_coding: {}}", SNU), "data.rate_coding: unknown key"),
    ],
)
def test_what_cannot_be_is_refused(lines, message):
    with pytest.raises(InputError, match=message):
        check(*lines)


def test_what_fits_together_is_taken():
    assert check(JSB, SNU).data.batch_size == 8
    check(RATES, "network: {kind: snu, output: units}", "training: {loss: squared_error}")
    check(RATES, "network: {kind: lstm}")
    for kind in ("rnn", "lstm", "gru", "snu", "ssnu"):
        check("data: {sequence: rows}", f"network: {{kind: {kind}}}")
    check(PTB, "network: {kind: ssnu, hidden: [8], embedding: 8, tied: true, recurrent: true}")
    check(JSB, SNU, PAIRS, "training: {keep: best, clip_norm: 1.0}")
    check(JSB, SNU, PCM, "training: {patience: 3}")
    check(JSB, "network: {kind: lstm}", PAIRS)
    check(JSB, "network: {kind: gru}", PCM)


def test_data_without_a_name_is_still_the_digits():
    assert check("data: {batch_size: 3}").data.name == "digits"
