import pytest
import torch

from imc_grapes.data.base import RateCoding
from imc_grapes.networks.gru import GRUConfig
from imc_grapes.networks.lstm import LSTMConfig
from imc_grapes.networks.rate_coded import RateCodedClassifier, RateEncoder
from imc_grapes.networks.rnn import RNNConfig
from imc_grapes.networks.sequence import build_sequence_network
from imc_grapes.networks.snu import SNUConfig
from imc_grapes.networks.ssnu import SSNUConfig
from imc_grapes.spiking import SNU


def build(config, n_in=6, n_out=4, seed=0):
    return build_sequence_network(config, n_in, n_out, torch.Generator().manual_seed(seed))


CONFIGS = [
    SNUConfig(kind="snu", hidden=(5, 7)),
    SSNUConfig(hidden=(5,), recurrent=True, train_decay=True, decay_per_unit=True),
    SNUConfig(kind="snu", hidden=(5,), output="units"),
    RNNConfig(hidden=(5,)),
    LSTMConfig(hidden=(5, 7)),
    GRUConfig(hidden=(5,), output="units"),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_sequence_in_two_parts_is_the_sequence(config):
    network = build(config)
    x = torch.rand(9, 3, 6)
    whole, _ = network(x)
    assert whole.shape == (9, 3, 4)
    first, state = network(x[:4])
    second, _ = network(x[4:], state)
    torch.testing.assert_close(torch.cat((first, second)), whole)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_generator_decides_every_weight(config):
    one, same, other = (build(config, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_options_reach_the_units():
    network = build(
        SNUConfig(
            kind="snu",
            hidden=(5,),
            decay=0.6,
            bias_init=-0.5,
            output_bias=-3.0,
            lateral_inhibition=True,
            input_activation="leaky_relu",
            pseudo_derivative="arctan",
        )
    )
    layer = network.layers[0]
    assert isinstance(layer, SNU)
    assert layer.decay.item() == pytest.approx(0.6)
    assert torch.equal(layer.bias, torch.full((5,), -0.5))
    assert torch.equal(network.readout.bias, torch.full((4,), -3.0))
    assert layer.dynamics.lateral_inhibition
    assert layer.dynamics.input_activation.name == "LEAKY_RELU"
    assert layer.dynamics.output_function.name == "STEP_ARCTAN"


def test_tied_words_are_read_out_with_the_weights_that_embed_them():
    network = build(SSNUConfig(hidden=(8,), embedding=8, tied=True), n_in=20, n_out=20)
    assert network.readout.weight is network.embedding.weight
    answers, _ = network(torch.randint(20, (5, 3)))
    assert answers.shape == (5, 3, 20)


def encoder(seed=0, **options):
    return RateEncoder(RateCoding(**options), seed)


def test_pixels_fire_as_often_as_they_are_bright():
    images = torch.tensor([0.0, 0.25, 1.0]).expand(400, 3).reshape(400, 1, 1, 3)
    spikes = encoder(steps=50, peak_probability=0.4)(images)
    assert spikes.shape == (50, 400, 3)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    rates = spikes.mean((0, 1)).tolist()
    assert rates[0] == 0.0
    assert rates[1:] == pytest.approx([0.1, 0.4], abs=0.015)


def test_training_batches_differ_and_the_state_dict_goes_on_with_them():
    images = torch.rand(2, 1, 4, 4)
    one, resumed = encoder(), encoder()
    first, second = one(images), one(images)
    assert not torch.equal(first, second)
    halfway = encoder()
    halfway(images)
    resumed.load_state_dict(halfway.state_dict())
    assert torch.equal(resumed(images), second)
    assert not torch.equal(encoder(seed=1)(images), first)


def test_every_evaluation_sees_the_same_spikes():
    images = torch.rand(2, 1, 4, 4)
    layer = encoder()
    layer.eval()
    first = [layer(images), layer(images)]
    layer.train()
    layer(images)
    layer.eval()
    again = [layer(images), layer(images)]
    assert not torch.equal(first[0], first[1])
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_classifier_answers_with_the_mean_over_time():
    network = build(SNUConfig(kind="snu", hidden=(5,), output="units"), n_in=16)
    model = RateCodedClassifier(encoder(steps=7), network).eval()
    images = torch.rand(3, 1, 4, 4)
    answers = model(images)
    model.eval()
    outputs, _ = network(model.encoder(images))
    assert torch.equal(answers, outputs.mean(0))
    assert answers.shape == (3, 4)
