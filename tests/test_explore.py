"""Figures to turn: their numbers are the package's, and anybody can turn them, by key or touch, on a phone."""

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from test_site import browser  # noqa: F401 (a fixture)

from dlnotes import LogUniform, Panda, ReverseLogUniform, Uniform, batchnorm, cross_entropy, numeric_gradient, softmax
from dlnotes.choice import hope
from dlnotes.model import Guess, calmed
from web.__main__ import pandoc
from web.figures import explored

root = Path(__file__).parents[1]
pytestmark = pytest.mark.browser
script = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "web/explore").glob("*.js")))
style = "".join((root / name).read_text(encoding="utf-8") for name in ("nbs/style.css", "web/explore/explore.css"))
names = ["scale", "softmax", "batchnorm", "gradient", "search", "panda"]
STILL = "The words that stand here without scripts."
PAGE = f"""<!DOCTYPE html><html lang="en"><title>Figures</title><meta name="viewport" content="width=device-width">
<style>{style}</style><body class="book">
<details class="chapters"></details><main><article><h1>Figures</h1>FIGURES</article></main><script>{script}</script>"""
PAGE = PAGE.replace(
    "FIGURES", "".join(f'<div class="explore" data-figure="{name}"><p>{STILL}</p></div>' for name in names)
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    page = tmp_path_factory.mktemp("explore") / "page.html"
    page.write_text(PAGE, encoding="utf-8")
    return page.as_uri()


@pytest.fixture
def open_page(browser, address):  # noqa: F811
    contexts, wrong = [], []

    def open_page(width=900, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("request", lambda r: wrong.append(r.url) if r.url != address else None)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(scope="module")
def js(browser, address):  # noqa: F811
    """What a figure computes for values of its knobs, after acts of its buttons."""
    page = browser.new_page()
    page.goto(address)
    code = """([name, values, acts]) => {
      const figure = dlnotesExplore.figures[name], all = {...dlnotesExplore.first(name), ...values};
      let memory = figure.start ? figure.start(all) : null;
      for (const [button, more] of acts) memory = figure.buttons[button].act({...all, ...more}, memory) || memory;
      return JSON.parse(JSON.stringify({...figure.compute(all, memory), data: figure.data ?? null}));
    }"""
    yield lambda name, acts=(), **values: page.evaluate(code, [name, values, [list(act) for act in acts]])
    page.close()


@pytest.mark.parametrize("q, p", [(-1, -3), (-0.3, -4), (-1.6, -1.9), (-0.7, -2.5)])
def test_draws_land_where_the_packages_scales_put_them(js, q, p):
    found = js("scale", q=q, p=p)
    low, high, u = found["low"], found["high"], found["u"]
    assert (low, high) == pytest.approx((1 - 10**q, 1 - 10**p), rel=1e-14)
    scales = [Uniform(low, high), LogUniform(low, high), ReverseLogUniform(low, high)]
    for row, scale in zip(found["rows"], scales, strict=False):
        np.testing.assert_allclose(row["values"], scale.ppf(u), rtol=1e-12)
        assert row["inside"] == 1
    notes = 1 - 10 ** (-4 * np.array(u))
    np.testing.assert_allclose(found["rows"][3]["values"], notes, rtol=1e-12)
    assert found["rows"][3]["inside"] == np.mean((notes >= low) & (notes <= high))
    assert found["rows"][2]["upper"] == pytest.approx(0.5, abs=0.02)
    for row in found["rows"]:
        v = np.array(row["values"])
        assert row["upper"] == pytest.approx(np.mean((v >= found["middle"]) & (v <= high)))


@pytest.mark.parametrize(
    "values", [{}, dict(a=-4, b=4, c=0, t=-1, y="a"), dict(a=2.3, b=2.3, c=2.3, t=0.6, y="c"), dict(t=1, y="b")]
)
def test_softmax_its_loss_and_its_gradient_are_the_packages(js, values):
    found = js("softmax", **values)
    at = dict(a=1, b=0, c=-1, t=0, y="a") | values
    z, T = np.array([at["a"], at["b"], at["c"]], dtype=float), 10.0 ** at["t"]
    np.testing.assert_allclose(found["p"], softmax(z / T), rtol=1e-12)
    loss, gradient = cross_entropy(z[None] / T, ["abc".index(at["y"])])
    assert found["loss"] == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(found["gradient"], gradient[0] / T, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("batches", [0, 3])
@pytest.mark.parametrize(
    "values", [{}, dict(shift=-10, scale=-4, m=2, eps=-8), dict(scale=-2.5, m=64, eps=-5), dict(scale=1, eps=0)]
)
def test_a_normalized_batch_is_the_packages(js, values, batches):
    found = js("batchnorm", acts=[(0, {})] * batches, **values)
    z = np.array(found["z"])[:, None]
    eps = 10.0 ** values.get("eps", -5)
    xhat = batchnorm(z, np.ones(1), np.zeros(1), eps=eps)[0]
    np.testing.assert_allclose(found["xhat"], xhat[:, 0], rtol=1e-6, atol=1e-8)
    assert len(z) == values.get("m", 8) and z[0] == pytest.approx(
        values.get("shift", 3) + 10.0 ** values.get("scale", 0)
    )
    assert found["left"] == pytest.approx(z.var() / (z.var() + eps))


def test_another_batch_keeps_the_first_example_and_changes_what_becomes_of_it(js):
    one, other = js("batchnorm"), js("batchnorm", acts=[(0, {})])
    assert one["z"][0] == other["z"][0] and one["z"][1:] != other["z"][1:] and one["xhat"][0] != other["xhat"][0]


def numbers_in(name, constant):
    text = (root / f"web/explore/{name}.js").read_text(encoding="utf-8")
    return [float(v) for v in re.search(rf"\b{constant} = \[(.*?)\]", text, re.S)[1].split(",")]


def test_the_errors_of_difference_quotients_are_pythons_to_the_last_bit(js):
    x, t, points = (numbers_in("gradient", name) for name in ("x", "t", "points"))

    def loss(w):
        return sum((r * r) / (1 + r * r) for r in (a * w - b for a, b in zip(x, t, strict=True))) / len(x)

    def slope(w):
        return sum(
            (a * (2 * r)) / ((1 + r * r) * (1 + r * r)) for a, r in ((a, a * w - b) for a, b in zip(x, t, strict=True))
        ) / len(x)

    def error(way, h):
        return sorted(abs(way(w, h) / slope(w) - 1) for w in points)[4]

    one_sided, central = lambda w, h: (loss(w + h) - loss(w)) / h, lambda w, h: (loss(w + h) - loss(w - h)) / (2 * h)
    found = js("gradient", k=-20)
    assert found["h_all"] == [2.0**k for k in range(-50, 1)]
    assert found["one_sided"] == [error(one_sided, h) for h in found["h_all"]]
    assert found["central"] == [error(central, h) for h in found["h_all"]]
    assert found["now"] == [error(one_sided, 2.0**-20), error(central, 2.0**-20)]
    for w in points:  # and the exact slope is that of the package's own difference
        assert slope(w) == pytest.approx(numeric_gradient(lambda v: loss(float(v[0])), np.array([w]))[0], rel=1e-7)
    assert 1e-8 < found["h_all"][int(np.argmin(found["central"]))] < 1e-3


@pytest.mark.parametrize("where", [0.71, 0.55, 0.95])
def test_a_stepped_search_guesses_and_chooses_as_the_package_does(js, where):
    for trials in range(22):
        found = js("search", acts=[(0, {})] * trials, where=where)
        u, z = np.array(found["u"])[:, None], calmed(np.array(found["values"]))
        np.testing.assert_allclose(found["z"], z, atol=1e-12)
        shape = np.log([0.12, 0.01])
        guess = Guess(u, z, options=np.array([False]), shape=shape)
        mean, deviation, r2 = guess(np.array(found["grid"])[:, None])
        np.testing.assert_allclose(found["mean"], mean, atol=1e-8)
        np.testing.assert_allclose(found["deviation"], deviation, atol=1e-6)
        best, bound = guess.mean(u).min(), (0, 0, 1.5, 3)[len(u) % 4]
        assert found["best"] == pytest.approx(best, abs=1e-8) and found["bound"] == bound
        promise = np.where(r2 <= 0.3**2 * guess.noise, -np.inf, hope(mean, deviation, best, bound))
        assert promise[found["at"]] == pytest.approx(promise.max(), abs=1e-6)
        assert found["next"] == found["grid"][found["at"]]
    assert min(abs(u - where))[0] < 0.05  # it found the narrow valley


SCHEDULE = [
    (1, {"rate": -2}),
    (1, {"rate": 0.5}),
    (1, {"rate": 0.5, "beta": 0.5}),
    (1, {"rate": 1.2}),
    (2, {}),
    (1, {"rate": 0}),
]


def test_the_panda_trains_and_undoes_as_the_packages_does(js):
    found = js("panda", acts=SCHEDULE)
    X, y = np.array(found["data"]["X"]), np.array(found["data"]["y"])

    def step(state, params, rng):
        W, v = state
        v = params["beta"] * v + (1 - params["beta"]) * X.T @ cross_entropy(X @ W, y)[1]
        W = W - params["lr"] * v
        return (W, v), cross_entropy(X @ W, y)[0]

    zeros = np.zeros((X.shape[1], 3))
    panda = Panda(lambda rng: (zeros, zeros), step, dict(lr=0.01, beta=0.9))
    panda.run(25)
    for lr, beta in ((10**0.5, 0.9), (10**0.5, 0.5), (10**1.2, 0.9)):
        panda.change("turned", lr=lr, beta=beta)
        panda.run(25)
    panda.undo("a mistake")
    panda.change("turned", lr=1.0, beta=0.9)
    panda.run(25)
    np.testing.assert_allclose(found["values"], panda.values, rtol=1e-6)
    assert [act["step"] for act in found["acts"]] == [0, 25, 50, 75]
    assert found["guessing"] == pytest.approx(math.log(3))


def test_the_panda_can_be_tended_well_and_badly(js):
    well = js("panda", acts=[(1, {"rate": 0, "beta": 0.9})] * 24)["values"]
    badly = js("panda", acts=[(1, {"rate": 2, "beta": 0.9})] * 24)["values"]
    assert len(well) == len(badly) == 600 and well[-1] < 0.6 < 1.5 * 0.6 < max(badly[300:])


# By hand


@pytest.mark.parametrize("name", names)
def test_every_knob_turns_by_keyboard_and_the_figure_follows(open_page, name):
    page = open_page()
    figure = page.locator(f"[data-figure={name}]")
    for button in figure.get_by_role("button").all():
        if "Train 25" in button.inner_text() or "Another" in button.inner_text() or "next" in button.inner_text():
            before = figure.locator(".explore-says").inner_text()
            button.focus()
            page.keyboard.press("Enter")
            assert figure.locator(".explore-says").inner_text() != before
    for knob in figure.locator("input, select").all():
        before = figure.locator("svg").inner_html(), knob.get_attribute("aria-valuetext"), knob.input_value()
        knob.focus()
        assert knob.evaluate("k => getComputedStyle(k).outlineStyle") != "none"
        for _ in range(3):
            page.keyboard.press(
                "ArrowLeft"
                if knob.evaluate("k => +k.value == +k.max")
                else "ArrowDown"
                if knob.get_attribute("type") is None
                else "ArrowRight"
            )
        assert knob.input_value() != before[2]
        if knob.get_attribute("type") == "range":
            assert knob.get_attribute("aria-valuetext") not in ("", before[1])
        if name != "panda":  # its picture changes when it is trained
            assert figure.locator("svg").inner_html() != before[0]


def test_a_finger_turns_a_knob(open_page):
    page = open_page(390, has_touch=True, is_mobile=True)
    knob = page.get_by_role("slider", name="step h")
    knob.scroll_into_view_if_needed()
    box, before = knob.bounding_box(), knob.input_value()
    page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    assert knob.input_value() != before and box["height"] >= 24


def test_training_goes_on_until_it_is_paused(open_page):
    page = open_page()
    figure = page.locator("[data-figure=panda]")
    figure.get_by_role("button", name="Train", exact=True).press("Enter")
    page.wait_for_function(
        "/after \\d\\d+ steps/.test(document.querySelector('[data-figure=panda] .explore-says').textContent)"
    )
    figure.get_by_role("button", name="Pause").press("Enter")
    said = figure.locator(".explore-says").inner_text()
    page.wait_for_timeout(400)
    assert figure.locator(".explore-says").inner_text() == said
    figure.get_by_role("button", name="Start again").click()
    assert "Nothing is trained" in figure.locator(".explore-says").inner_text()


def test_everything_has_a_name_and_nothing_is_named_twice(open_page):
    page = open_page()
    for control in page.locator(".explore input, .explore select").all():
        assert page.locator(f"label[for='{control.get_attribute('id')}']").inner_text().strip()
    groups = page.locator(".explore[role=group][aria-labelledby]")
    assert groups.count() == len(names) == page.locator(".explore svg[role=img][aria-label]").count()
    assert page.eval_on_selector_all("[id]", "es => es.length == new Set(es.map(e => e.id)).size")


@pytest.mark.parametrize("width", [320, 390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_fit_and_their_words_can_be_read(open_page, width, scheme):
    page = open_page(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = page.locator(".explore svg text").evaluate_all(
        "ts => ts.map(t => [t, t.ownerSVGElement]).map(([t, s]) => parseFloat(getComputedStyle(t).fontSize)"
        " * s.getBoundingClientRect().width / s.viewBox.baseVal.width)"
    )
    assert min(sizes) >= 11
    out = page.locator(".explore svg text").evaluate_all(
        "ts => ts.filter(t => { const b = t.getBoundingClientRect(), s = t.closest('.explore').getBoundingClientRect();"
        " return b.width && (b.left < s.left || b.right > s.right + 1) }).map(t => t.textContent)"
    )
    assert not out
    ink = page.locator(".explore svg text").first.evaluate(
        "t => getComputedStyle(t).fill.match(/\\d+/g).reduce((a, b) => a + +b, 0)"
    )
    assert ink < 200 if scheme == "light" else ink > 500


def test_a_page_that_changes_its_width_draws_anew(open_page):
    page = open_page(1200)
    wide = page.locator("[data-figure=gradient] svg").get_attribute("width")
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function(f"document.querySelector('[data-figure=gradient] svg').getAttribute('width') < {wide}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_scripts_the_words_remain(open_page):
    page = open_page(java_script_enabled=False)
    assert page.locator(".explore p").all_inner_texts() == [STILL] * len(names)


# In the book


def test_each_figure_stands_in_a_chapter_behind_a_still_picture():
    places = {}
    for path in sorted((root / "nbs").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        for i, cell in enumerate(cells):
            for name in re.findall(r'data-figure="?(\w+)', cell.source) if cell.cell_type == "markdown" else ():
                places[name] = path.name
                before = [c for c in cells[max(0, i - 4) : i] if c.cell_type == "code"]
                assert any("image/png" in o.get("data", {}) for c in before for o in c.outputs), path.name
                html = pandoc(cell.source, "--to=html5")
                assert f'data-figure="{name}"' in html and 'class="explore"' in html
                assert explored(cell.source)
    assert sorted(places) == sorted(names)
