import pytest
import torch

from imc_grapes import RunConfig
from imc_grapes.data.augmentation import Augmentation, augmentation_for
from imc_grapes.data.dataset import Split
from imc_grapes.data.deformations import AugmentationConfig

ALL = {"rotation_deg": 15, "shift": 0.1, "shear_deg": 10, "zoom": 0.1, "elastic": 1.0}


def deformed(images, epoch=0, index=0, seed=0, **config):
    split = Split(images, torch.arange(len(images)))
    found = Augmentation(AugmentationConfig(**config), seed).deformed(split, epoch, index)
    assert torch.equal(found.labels, split.labels)
    assert found.images.shape == images.shape
    assert found.images.dtype == images.dtype
    return found.images


def blob(side=29, row=14.0, column=14.0, n=1, width=2.0):
    """A Gaussian spot; its centre of mass is where it was put."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    spot = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))
    return spot.expand(n, 1, side, side).contiguous()


def moments(images):
    """Centre of mass (column, row) and second moments of every image."""
    mass = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    places = torch.arange(images.shape[-1], dtype=torch.float32)
    x, y = (mass.sum(1) * places).sum(1), (mass.sum(2) * places).sum(1)
    return x, y, mass


def test_the_same_seed_epoch_and_batch_give_the_same_images_whatever_was_drawn_before():
    images = torch.rand(5, 3, 12, 12)
    first = deformed(images, 2, 7, **ALL)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    deformed(images, 1, 3, **ALL)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, deformed(images, 2, 7, **ALL))
    for epoch, index, seed in ((3, 7, 0), (2, 8, 0), (2, 7, 1)):
        assert not torch.equal(first, deformed(images, epoch, index, seed, **ALL))
    assert not torch.equal(*deformed(images[:1].expand(2, 3, 12, 12), **ALL))


def test_shift_moves_up_to_its_share_of_the_side_along_both_axes():
    x, y, _ = moments(deformed(blob(n=400), shift=0.2))
    for moved in (x - 14, y - 14):
        assert moved.abs().max() <= 0.2 * 29 + 0.01
        assert moved.std() == pytest.approx(0.2 * 29 / 3**0.5, rel=0.1)
    assert abs(torch.corrcoef(torch.stack((x, y)))[0, 1]) < 0.2


def test_rotation_turns_about_the_centre_in_both_directions():
    x, y, _ = moments(deformed(blob(column=22.0, n=400), rotation_deg=30))
    assert torch.hypot(x - 14, y - 14) == pytest.approx(8.0, abs=0.05)
    angle = torch.rad2deg(torch.atan2(y - 14, x - 14))
    assert angle.abs().max() <= 30.1
    assert angle.std() == pytest.approx(30 / 3**0.5, rel=0.1)


def test_zoom_scales_distances_from_the_centre():
    x, y, _ = moments(deformed(blob(column=20.0, n=400), zoom=0.25))
    assert y == pytest.approx(14.0, abs=0.02)
    assert (x - 14).min() == pytest.approx(6 * 0.75, abs=0.1)
    assert (x - 14).max() == pytest.approx(6 * 1.25, abs=0.1)


def test_shear_slants_vertical_lines_and_keeps_horizontal_ones():
    x, y, _ = moments(deformed(blob(row=21.0, n=400), shear_deg=20))
    assert y == pytest.approx(21.0, abs=0.02)
    slant = torch.rad2deg(torch.atan((x - 14) / 7))
    assert slant.abs().max() == pytest.approx(20, abs=0.5)


def test_elastic_moves_pixels_by_so_much_root_mean_square():
    """Measured in the middle of ramps, whose values are the places that their pixels came from."""
    side, n = 29, 300
    ramp = torch.arange(side, dtype=torch.float32).expand(n, 1, side, side)
    along_x = deformed(ramp.contiguous(), elastic=1.2)[:, 0, 14, 14] - 14
    along_y = deformed(ramp.transpose(2, 3).contiguous(), elastic=1.2)[:, 0, 14, 14] - 14
    for moved in (along_x, along_y):
        assert moved.square().mean().sqrt() == pytest.approx(1.2, rel=0.12)
    assert abs(torch.corrcoef(torch.stack((along_x, along_y)))[0, 1]) < 0.2


def test_elastic_fields_are_smooth():
    side = 28
    ramp = torch.arange(side, dtype=torch.float32).expand(50, 1, side, side).contiguous()
    moved = (deformed(ramp, elastic=1.0) - ramp)[:, 0, 6:-6, 6:-6]
    roughness = (moved[:, 1:] - moved[:, :-1]).square().mean() / moved.square().mean()
    assert roughness == pytest.approx(1 / (2 * 4.0**2), rel=0.3)


def test_pixels_stay_between_zero_and_one():
    images = deformed(torch.rand(64, 1, 28, 28), **ALL)
    assert images.min() >= 0
    assert images.max() <= 1 + 1e-6


def test_only_a_config_that_asks_for_it_is_augmented():
    plain = RunConfig(name="x")
    assert augmentation_for(plain.data, 0) is None
    asked = RunConfig.model_validate({"name": "x", "seed": 3, "data": {"augmentation": ALL}})
    assert augmentation_for(asked.data, asked.seed).seed == 3
    music = RunConfig.model_validate({"name": "x", "data": {"name": "jsb"}})
    assert augmentation_for(music.data, 0) is None
