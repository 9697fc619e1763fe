"""Digital weights that are programmed into devices are called weights alone wherever a report speaks of them."""

import io

import pytest
from rich.console import Console

from imc_grapes.report.analysis import analyse
from imc_grapes.report.build import pictures
from imc_grapes.report.markdown import markdown
from imc_grapes.report.page import page
from imc_grapes.report.statistics import method_results
from imc_grapes.report.terminal import print_summary
from imc_grapes.store import read_sweep

METHODS = "cases: {SGD: {}, Adam: {training.optimizer.name: adam}}\n"
ALONE = "These are weights alone on devices: no converters, no wires, no array."


@pytest.fixture
def told(filled):
    """All that a report says: on the terminal, as Markdown, on the page and below its pictures."""

    def tell(text, **options):
        analysis = analyse(read_sweep(filled(text, lambda trial: 0.9, **options)))
        found = method_results(analysis)
        console = Console(file=io.StringIO(), width=250)
        print_summary(analysis, found, console)
        captions = [one.caption for one in pictures(analysis, found)]
        return (
            console.file.getvalue(),
            markdown(analysis, found),
            page(analysis, found, [], "figures", ""),
            captions[0],
        )

    return tell


def test_everywhere(told):
    terminal, in_markdown, on_page, caption = told(METHODS)
    assert "on weights alone, pcm_nandakumar2019" in " ".join(terminal.split())
    assert "<h2>weights alone, pcm_nandakumar2019</h2>" in on_page
    for text in (terminal, in_markdown, on_page, caption):
        assert ALONE in text


def test_beside_tiles_it_is_said_of_the_digital_ones(told):
    tiles = "grid: {hardware: {digital: {tile: digital, statistics: {}}, in place: {tile: pcm}}}\n"
    for text in told(tiles, base="name: tiny\n"):
        assert "Where the tile is digital, weights alone on devices: no converters" in text


@pytest.mark.parametrize(
    "options",
    [
        {"base": "name: tiny\n", "times_s": ()},
        {"base": "name: tiny\nhardware: {tile: pcm}\n"},
    ],
)
def test_not_on_other_hardware(told, options):
    assert not any("alone on devices" in text for text in told("seeds: 2\n", **options))
