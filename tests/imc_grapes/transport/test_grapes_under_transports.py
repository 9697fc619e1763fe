"""What `Grapes` does under each transport beyond the updates that the oracles check, and on which tiles."""

import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.presets import IdealizedPreset, StandardHWATrainingPreset
from tile_gradients import weight_gradient
from torch import nn

from crossbar import ColumnCurrent, PCMConfig
from imc_grapes import DirectFeedbackAlignment, FeedbackAlignment, Grapes, InputError
from imc_grapes.grapes.algorithm import quantised


def network():
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(1, 6, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(6, 5, 2),
        nn.ReLU(),
        nn.Flatten(),
    ]
    model = nn.Sequential(*layers, nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    for module in model.modules():
        if hasattr(module, "weight"):
            with torch.no_grad():
                module.weight.normal_(0, 0.3, generator=generator)
                module.weight.mul_(
                    torch.rand(module.weight.shape[1], generator=generator).view(
                        1, -1, *[1] * (module.weight.dim() - 2)
                    )
                )
    return model


def on_tiles(config, *, split):
    if split:
        config.mapping.max_input_size, config.mapping.max_output_size = 5, 4
    for direction in ("forward", "backward"):
        if hasattr(config, direction):
            getattr(config, direction).is_perfect = True
    if isinstance(config, StandardHWATrainingPreset):
        config.modifier.type = type(config.modifier.type).NONE
        config.pre_post.input_range.enable = False
        config.mapping.weight_scaling_omega = 0.0
        config.mapping.weight_scaling_columnwise = False
        config.mapping.learn_out_scaling = False
    analog, digital = convert_to_analog(network(), config), network()
    for name, layer in analog.named_modules():
        if hasattr(layer, "analog_module"):
            weights, bias = layer.get_weights()
            target = digital.get_submodule(name)
            target.weight.data.copy_(weights.reshape(target.weight.shape))
            if bias is not None:
                target.bias.data.copy_(bias)
    return analog.train(), digital


@pytest.mark.parametrize("split", [True, False], ids=["split", "whole"])
@pytest.mark.parametrize("config", [IdealizedPreset, StandardHWATrainingPreset, PCMConfig])
@pytest.mark.parametrize(
    ("transport", "mode"),
    [
        *((FeedbackAlignment, mode) for mode in ("propagating", "local", "lr_matched")),
        *((DirectFeedbackAlignment, mode) for mode in ("propagating", "lr_matched")),
    ],
)
def test_updates_on_tiles_equal_the_digital_ones(transport, config, mode, split):
    analog, digital = on_tiles(config(), split=split)
    for model in (analog, digital):
        transport(model, seed=1)
        grapes = Grapes(model, mode)
        x = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
        model(x).square().sum().backward()
        kept = grapes.factors()
        if model is analog:
            on_analog = kept
    for name, wanted in kept.items():
        torch.testing.assert_close(on_analog[name], wanted, rtol=1e-4, atol=1e-5)
    for name, layer in digital.named_modules():
        if hasattr(layer, "weight"):
            wanted = layer.weight.grad.flatten(1)
            found = weight_gradient(analog.get_submodule(name))
            assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max(), name


def test_which_factors_there_are():
    model = network()
    attached = DirectFeedbackAlignment(model)
    grapes = Grapes(model)
    assert {name: list(m.shape) for name, m in grapes.factors().items()} == {"2": [6], "5": [5]}
    assert not grapes.clip
    grapes.detach()
    attached.detach()
    FeedbackAlignment(model)
    grapes = Grapes(model)
    assert {name: list(m.shape) for name, m in grapes.factors().items()} == {
        "0": [6],
        "2": [5],
        "5": [7],
    }
    assert any(m.min() < 1.0 for m in grapes.factors().values())
    grapes.detach()
    assert all(m.min() >= 1.0 for m in Grapes(model, clip=True).factors().values())


def test_direct_feedback_refuses_what_it_cannot_honour():
    model = network()
    DirectFeedbackAlignment(model)
    with pytest.raises(InputError, match="mode: 'local'"):
        Grapes(model, "local")
    with pytest.raises(InputError, match="readout: under direct feedback"):
        Grapes(model, readout=ColumnCurrent())
    with pytest.raises(InputError, match="'7' is the output layer"):
        Grapes(model, layers=["5", "7"])
    with pytest.raises(InputError, match="the first hidden layer gets no factor"):
        Grapes(model, layers=["0"])
    Grapes(model)
    with pytest.raises(InputError, match="another Grapes acts on it already"):
        Grapes(model)
    small = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    DirectFeedbackAlignment(small)
    with pytest.raises(InputError, match="the first hidden layer gets no factor"):
        Grapes(small)


def test_excluding_a_layer_leaves_its_update_plain_under_direct_feedback():
    def gradients(**grapes):
        model = network()
        DirectFeedbackAlignment(model)
        if grapes:
            Grapes(model, **grapes)
        model(
            torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
        ).square().sum().backward()
        return {name: p.grad for name, p in model.named_parameters()}

    plain, found = gradients(), gradients(mode="propagating", exclude=["2"])
    changed = {name for name in plain if not torch.equal(plain[name], found[name])}
    assert changed == {"5.weight"}


def test_factors_below_one_keep_their_range_when_rounded():
    factors = torch.tensor([0.0, 0.3, 0.9, 1.4, 2.0])
    assert quantised(factors, 2, low=0.0).tolist() == pytest.approx([0, 0, 2 / 3, 4 / 3, 2])
    assert quantised(torch.tensor([1.0, 1.4, 2.0]), 1).tolist() == [1.0, 1.0, 2.0]


class OutOfOrder(nn.Module):
    """The second layer to run is registered first, or third."""

    def __init__(self, order):
        super().__init__()
        sizes = {"a": (5, 6), "b": (6, 6), "c": (6, 6), "head": (6, 3)}
        for name in order:
            setattr(self, name, nn.Linear(*sizes[name]))

    def forward(self, x):
        for name in ("a", "b", "c"):
            x = torch.relu(getattr(self, name)(x))
        return self.head(x)


@pytest.mark.parametrize("order", ["a c b head", "b a c head"])
def test_under_direct_feedback_layers_out_of_order_are_refused(order):
    model = OutOfOrder(order.split())
    DirectFeedbackAlignment(model)
    grapes = Grapes(model)
    x = torch.rand(4, 5)
    with pytest.raises(InputError, match="the layers ran in the order a, b"):
        model(x)
    grapes.detach()
    model(x).sum().backward()
    model = OutOfOrder(("a", "b", "c", "head"))
    DirectFeedbackAlignment(model)
    Grapes(model)
    model(x).sum().backward()
