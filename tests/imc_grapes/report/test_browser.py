"""The page in a real browser, without a network."""

import shutil

import pytest

from imc_grapes.report import build_report

sync_api = pytest.importorskip("playwright.sync_api")
BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")

SWEEP = """\
question: Does the page <em>work</em>?
grid:
  evaluation.repeats: [2, 4, 8]
  data.batch_size: [16, 32]
tune: {training.optimizer.lr: {logspace: [0.01, 1, 3]}}
seeds: 3
"""
PICTURES = [
    "accuracy-over-time", "heat-map", "update-memory", "accuracy-and-memory", "tuning", "learning-curves",
]  # fmt: skip


def outcome(trial):
    if trial.tuned == 1.0 and trial.method == "Adam":
        raise RuntimeError("the loss became </script><b>NaN</b>")
    boost = {"GRAPES": 0.02, "Adam": 0.03}.get(trial.method, 0.0)
    return 0.85 + boost + 0.01 * trial.config.seed + 0.001 * trial.config.data.batch_size


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield running
        running.close()


class Opened:
    def __init__(self, browser, path, width):
        self.complaints = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.note(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("body[data-ready=yes]")

    def note(self, url):
        if not url.startswith(("file:", "data:")):
            self.complaints.append(f"asked the network for {url}")


@pytest.fixture
def report(filled, four_methods):
    return build_report(filled(four_methods + SWEEP, outcome))


@pytest.fixture
def opened(report, browser):
    contexts = []

    def visit(width=1280):
        visited = Opened(browser, report.page, width)
        contexts.append(visited.context)
        return visited

    yield visit
    for context in contexts:
        context.close()


def test_the_page_works_offline_at_both_widths(opened, report):
    for width in (1280, 390):
        visited = opened(width)
        page = visited.page
        assert visited.complaints == []
        names = page.eval_on_selector_all(".chart", "all => all.map(one => one.dataset.picture)")
        assert names == PICTURES
        for name in PICTURES:
            marks = page.locator(
                f"#chart-{name} svg .mark-symbol path, #chart-{name} svg .mark-rect path"
            )
            assert marks.count() > 3, name
            box = page.locator(f"#chart-{name} svg").bounding_box()
            assert box["width"] <= width, name
            assert box["height"] > 100, name
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").inner_text() == "Does the page <em>work</em>?"
        assert "Adam gets" in page.locator(".answer").inner_text()
        sizes = page.eval_on_selector_all(
            ".chart svg text", "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(sizes) >= 11
    formats = {path.suffix for path in report.figures}
    assert formats == {".png", ".svg", ".pdf"}
    assert {path.stem for path in report.figures} == set(PICTURES)


def test_hover_legend_facets_search_and_sort(opened):
    visited = opened()
    page = visited.page
    point = page.locator("#chart-accuracy-over-time svg .mark-symbol.role-mark path").last
    point.hover()
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "since programming" in tooltip.inner_text()
    assert "accuracy (%)" in tooltip.inner_text()

    def faded():
        return page.locator(
            "#chart-accuracy-over-time svg .mark-symbol.role-mark path[opacity='0.08']"
        ).count()

    assert faded() == 0
    page.locator("#chart-accuracy-over-time svg .role-legend-label text", has_text="Adam").click()
    page.wait_for_function(
        "document.querySelectorAll(\"#chart-accuracy-over-time svg .mark-symbol path[opacity='0.08']\").length > 0"
    )

    before = page.locator("#chart-accuracy-over-time svg .mark-line").count()
    page.locator("#chart-accuracy-over-time select[name=device]").select_option(index=1)
    page.wait_for_function(
        f"document.querySelectorAll('#chart-accuracy-over-time svg .mark-line').length < {before}"
    )

    total = 4 * 6 * 3 * 3
    assert page.locator("#found").inner_text() == f"first 100 of {total} trials"
    page.fill("#search", "adam failed")
    assert page.locator("#found").inner_text() == "18 trials"
    assert set(page.locator("#trials td.failed").all_inner_texts()) == {"failed"}
    page.locator("#trials tbody tr").first.click()
    detail = page.locator("#trials tr.detail").inner_text()
    assert "training.optimizer.name" in detail
    assert "</script><b>NaN</b>" in detail
    page.fill("#search", "batch_size=16 seed=1 grapes propagating")
    assert page.locator("#trials tbody tr").count() == 9
    page.locator("#trials th button", has_text="validation").click()
    shown = [
        float(text) for text in page.locator("#trials tbody tr td:nth-child(7)").all_inner_texts()
    ]
    assert shown == sorted(shown)
    page.fill("#search", "nothing like this")
    assert page.locator("#found").inner_text() == "0 trials"
    assert visited.complaints == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("seeds: 2\n", ["final-accuracy", "learning-curves"]),
        (
            "grid: {data.batch_size: [8, 16, 32]}\n",
            ["final-accuracy", "swept-setting", "learning-curves"],
        ),
    ],
)
def test_hardware_that_does_not_drift_has_pictures_of_its_own(filled, browser, text, names):
    built = build_report(filled(text, lambda t: 0.9 + 0.001 * t.position, times_s=()))
    visited = Opened(browser, built.page, 1280)
    assert visited.complaints == []
    assert (
        visited.page.eval_on_selector_all(".chart", "all => all.map(one => one.dataset.picture)")
        == names
    )
    visited.context.close()
