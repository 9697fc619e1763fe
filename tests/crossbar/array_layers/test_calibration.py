import pytest
import torch
from torch import nn

from crossbar import PCMConfig
from crossbar.array_layers.calibration import calibrate
from crossbar.array_layers.convert import array_layer
from imc_grapes import to_crossbar
from kernels.errors import InputError

BOTH = {"inp_range": "calibrated", "out_range": "calibrated"}


def on_arrays(digital, io, **config):
    return array_layer("it", digital, PCMConfig(update="software", io=io, seed=0, **config))


def outputs_of_arrays(layer, vectors):
    """Per array, what each input vector gives in units of a pair at full range; vectors as they drive the rows."""
    weights = layer.weight.detach().flatten(1)
    for array in layer.blocks:
        part = weights[array.columns, array.rows]
        scale = part.abs().amax(1) if layer.config.array.scale == "column" else part.abs().amax()
        yield array, vectors[:, array.rows] @ part.T / scale


@pytest.mark.parametrize("scale", ["array", "column"])
def test_ranges_are_the_largest_magnitudes_of_all_batches(scale):
    torch.manual_seed(0)
    layer = on_arrays(nn.Linear(50, 12), BOTH, array={"rows": 20, "columns": 5, "scale": scale})
    x = torch.randn(90, 50)
    calibrate(layer, x.split(40))
    assert layer.training
    assert torch.equal(layer.input_range, x.abs().max())
    for array, y in outputs_of_arrays(layer, x / x.abs().max()):
        found = layer.output_range[array.row_block, array.columns]
        torch.testing.assert_close(found, y.abs().max().expand_as(found), rtol=1e-5, atol=0)


@pytest.mark.parametrize("percentile", [50.0, 99.0])
def test_a_percentile_is_that_of_all_magnitudes(percentile):
    torch.manual_seed(1)
    layer = on_arrays(nn.Linear(50, 12), {**BOTH, "percentile": percentile}, array={"rows": 20})
    x = torch.randn(900, 50)
    calibrate(layer, [(part, "a label") for part in x.split(400)])
    full = torch.quantile(x.abs().flatten(), percentile / 100)
    torch.testing.assert_close(layer.input_range, full, rtol=2e-3, atol=0)
    for array, y in outputs_of_arrays(layer, x / layer.input_range):
        found = layer.output_range[array.row_block, array.columns.start]
        wanted = torch.quantile(y.abs().flatten(), percentile / 100)
        torch.testing.assert_close(found, wanted, rtol=2e-3, atol=0)


def test_outputs_of_vectors_that_have_scales_of_their_own():
    torch.manual_seed(2)
    layer = on_arrays(nn.Linear(50, 12), {"out_range": "calibrated"}, array={"rows": 50})
    x = torch.randn(30, 50)
    calibrate(layer, [x])
    assert layer.input_range is None
    ((_, y),) = outputs_of_arrays(layer, x / x.abs().amax(1, keepdim=True))
    torch.testing.assert_close(layer.output_range[0, 0], y.abs().max(), rtol=1e-5, atol=0)


def test_a_network_is_calibrated_in_one_pass_in_evaluation_mode_and_left_as_it_was():
    torch.manual_seed(3)
    inner = on_arrays(nn.Linear(4, 3), BOTH)
    net = nn.Sequential(nn.BatchNorm1d(4), inner, nn.Dropout(0.5), on_arrays(nn.Linear(3, 2), BOTH))
    x = torch.randn(20, 4)
    net.eval()
    net.train()
    before = {
        name: value.clone() for name, value in net.state_dict().items() if "range" not in name
    }
    calibrate(net, [x])
    after = net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert net[2].training
    net.eval()
    with torch.no_grad():
        hidden = nn.functional.linear(net[0](x), inner.weight, inner.bias)
    torch.testing.assert_close(net[3].input_range, hidden.abs().max())


def test_products_before_calibration_are_refused():
    layer = on_arrays(nn.Linear(4, 3), {"inp_range": "calibrated"})
    with pytest.raises(
        InputError, match=r"layer 'it': its input_range is not calibrated; imc_grapes.calibrate"
    ):
        layer(torch.randn(2, 4))
    layer = on_arrays(nn.Linear(4, 3), {"out_range": "calibrated"})
    with pytest.raises(InputError, match="output_range is not calibrated"):
        layer(torch.randn(2, 4))


def test_what_cannot_calibrate_is_refused():
    layer = on_arrays(nn.Linear(4, 3), BOTH)
    with pytest.raises(InputError, match="no batch"):
        calibrate(layer, [])
    with pytest.raises(InputError, match=r"batches: .*got one tensor"):
        calibrate(layer, torch.randn(2, 4))
    with pytest.raises(InputError, match="without samples"):
        calibrate(layer, [torch.randn(2, 4), torch.randn(0, 4)])
    with pytest.raises(InputError, match="NaN or infinite"):
        calibrate(layer, [torch.full((2, 4), torch.nan)])
    assert torch.isnan(layer.input_range)
    with pytest.raises(InputError, match="no range to calibrate"):
        calibrate(nn.Linear(4, 3), [torch.randn(2, 4)])
    skipped = nn.Sequential(nn.Linear(4, 3))
    skipped.extra = layer
    skipped.forward = skipped[0].forward
    with pytest.raises(InputError, match="none of them reached layer 'it'"):
        calibrate(skipped, [torch.randn(2, 4)])


def test_inputs_that_are_always_zero_get_any_range():
    layer = on_arrays(nn.Linear(4, 3), BOTH)
    calibrate(layer, [torch.zeros(5, 4)])
    layer.eval()
    assert torch.isfinite(layer(torch.randn(5, 4))).all()


@pytest.mark.parametrize("percentile", [100.0, 90.0])
def test_ranges_grow_in_the_training_and_in_nothing_else(percentile):
    torch.manual_seed(4)
    layer = on_arrays(nn.Linear(20, 6), {**BOTH, "percentile": percentile}, array={"rows": 10})
    x = torch.randn(300, 20)
    calibrate(layer, [x])
    inputs, outputs = layer.input_range.clone(), layer.output_range.clone()
    layer.eval()
    layer(4 * x)
    with torch.no_grad():
        layer(4 * x)
    assert torch.equal(layer.input_range, inputs)
    layer.train()
    layer(0.1 * x)
    torch.testing.assert_close(layer.input_range, inputs)
    # A second product in one pass, as over time, grows a range that the first one's gradient needs.
    (layer(x) + layer(4 * x)).sum().backward()
    torch.testing.assert_close(layer.input_range, 4 * inputs, rtol=2e-3, atol=0)
    assert (layer.output_range >= outputs).all()
    calibrate(layer, [x])
    torch.testing.assert_close(layer.input_range, inputs)
    torch.testing.assert_close(layer.output_range, outputs)


def test_a_network_learns_from_scratch_with_ranges_that_were_calibrated_before():
    """Outputs of trained weights are far larger than those of drawn ones: clipped, they would get no gradient."""
    torch.manual_seed(0)
    x = torch.randn(200, 1, 8, 8)
    target = (x.mean((1, 2, 3)) > 0).long()
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2)
    )
    config = PCMConfig(update="software", io={**BOTH, "dac_bits": 8, "adc_bits": 8}, seed=0)
    model = to_crossbar(net, config)
    calibrate(model, [x])
    update = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(20):
        update.zero_grad()
        nn.functional.cross_entropy(model(x), target).backward()
        update.step()
    calibrate(model, [x])
    with torch.no_grad():
        assert (model.eval()(x).argmax(1) == target).float().mean() > 0.9
