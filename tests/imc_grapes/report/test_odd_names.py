"""Labels are the user's: what means something in rich, HTML, Vega, SVG or Markdown is shown as it is."""

import html
import io
import re
from xml.etree import ElementTree

import pytest
from rich.console import Console

from imc_grapes.pictures.export import export
from imc_grapes.report.analysis import analyse
from imc_grapes.report.build import pictures
from imc_grapes.report.markdown import markdown
from imc_grapes.report.page import page
from imc_grapes.report.statistics import method_results
from imc_grapes.report.terminal import print_summary
from imc_grapes.store import read_sweep

METHODS = ["SGD [fast]", "SGD [/slow]", "a.b[0] & <i>c</i>", ':x: it\'s "|" \\n']
DEVICES = ["[red]8 bits", 'it\'s [/] <b>\\d</b> & "more"']


@pytest.fixture
def analysis(filled):
    cases = "".join(
        f"  {_quoted(name)}: {{training.optimizer.lr: {0.1 * (i + 1):g}}}\n"
        for i, name in enumerate(METHODS)
    )
    devices = ", ".join(f"{_quoted(name)}: {8 * (i + 1)}" for i, name in enumerate(DEVICES))
    text = f"cases:\n{cases}grid: {{data.batch_size: {{{devices}}}}}\nseeds: 2\n"
    out = filled(text, lambda trial: 0.9 + 0.001 * trial.position)
    return analyse(read_sweep(out))


def _quoted(name):
    return "'" + name.replace("'", "''") + "'"


def test_on_the_terminal(analysis):
    console = Console(file=io.StringIO(), width=250)
    print_summary(analysis, method_results(analysis), console)
    for name in METHODS + DEVICES:
        assert name in console.file.getvalue()


def test_on_the_page(analysis):
    text = page(analysis, method_results(analysis), [], "figures", "")
    for name in METHODS:
        assert (
            f"</span>{html.escape(name).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')}</th>"
            in text
        )
    assert not re.search(r"<i>c</i>|<b>\\d</b>", text)


def test_in_pictures(analysis, tmp_path):
    drawn = pictures(analysis, method_results(analysis))
    over_time = next(one for one in drawn if one.name == "accuracy-over-time")
    svg = next(path for path in export(over_time, tmp_path) if path.suffix == ".svg")
    texts = [
        "".join(node.itertext())
        for node in ElementTree.parse(svg).iter()
        if node.tag.endswith("text")
    ]
    for name in METHODS + DEVICES:
        assert name in texts
    lines = ElementTree.tostring(ElementTree.parse(svg).getroot(), encoding="unicode")
    assert lines.count("line mark container") >= len(DEVICES), "the data of every device config"


def test_in_markdown(analysis):
    text = markdown(analysis, method_results(analysis))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({len(re.split(r"(?<!\\)\|", row)) for row in rows}) == 1, (
        "a bar in a name is no new cell"
    )
    shown = re.sub(r"\\([\\`*|<\]_])", r"\1", text)
    for name in METHODS + DEVICES:
        assert name in shown
    assert "\\<i>c\\</i>" in text
