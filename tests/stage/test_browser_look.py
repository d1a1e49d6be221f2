"""How the page looks: what fits, which colours, what a screen reader hears, how it moves."""

import hashlib
import importlib.resources
from contextlib import ExitStack
from itertools import pairwise

import pytest

from lab.report.bars import WORDS
from lab.report.figure import LOOKS
from lab.stage.control import Control, faults
from lab.stage.web.answers import PAGE
from tests.experiment.histories import Made
from tests.stage.browsing import MODES, Stage, Written
from tests.stage.made import heard


def axe():
    """axe-core, which looks for what a person with a screen reader cannot use."""
    file = importlib.resources.files("axe_core_python") / "axe.min.js"
    return f"{file.read_text()};1"


def crowd(nodes, each, *, dead=1, **options):
    """`each` containers on each of `nodes`; the first nodes lose their power, and pull heals."""
    names = [f"node{number}" for number in range(1, nodes + 1)]
    made = Made(modes=MODES, **options)
    begin = made.records[0]
    title = "A node loses its power"
    experiment = {**begin.fields["experiment"], "title": title}
    made.records[0] = begin._replace(
        fields={**begin.fields, "nodes": names, "experiment": experiment}
    )
    home = {f"run-{n + 1}": names[n % nodes] for n in range(nodes * each)}
    alive = names[dead:]
    moved = {c: n if n in alive else alive[k % len(alive)] for k, (c, n) in enumerate(home.items())}
    for mode in MODES:
        made.wanted(1, *home, mode=mode).claims(2, home, mode=mode)
        for node in names:
            made.runs(1, node, *(c for c, at in home.items() if at == node), mode=mode)
    made.looked(3, "api")
    heard(made, 3, *names)
    for node in names[:dead]:
        made.put(4, "fault", id=node, fault="cut", target=node, phase="acted")
        made.machine(4, node, "off")
    made.claims(5, moved, running=[c for c, at in home.items() if at in alive], down=names[:dead])
    for node in alive if dead else ():
        made.runs(6, node, *(c for c, at in moved.items() if at == node))
    return heard(made, 7, "api", *alive)


@pytest.fixture
def shown(tmp_path, page):
    """Show a history, in a language, with the menus; yields a function."""
    extra, breaks = {"control": {"faults": faults()}}, Control(lambda _: None)
    with ExitStack() as stack:

        def show(made, lang="en"):
            folder = tmp_path / str(made.records[-1].at_s)
            folder.mkdir()
            source = Written(folder, made).source()
            stage = stack.enter_context(Stage(source, breaks=breaks, extra=extra))
            page.open(stage.url(lang=lang))
            page.wait("document.querySelectorAll('.block').length > 1", "containers are shown")
            return page

        yield show


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize(("nodes", "each", "dead"), [(3, 3, 0), (3, 3, 1), (3, 3, 2), (3, 2, 1)])
def test_all_fits_into_1280_by_720(shown, nodes, each, dead, lang):
    page = shown(crowd(nodes, each, dead=dead), lang)
    page.wait(f"document.querySelectorAll('.box.off').length === {2 * dead}", "nodes are off")
    assert page.cut() == []


def test_a_long_headline_is_smaller(shown):
    made = crowd(3, 3, dead=0).machine(8, "node1", "off").claims(8, {}, ok=False)
    made.runs(8, "node3", "run-2", "run-3", "run-6", "run-9")
    page = shown(heard(made, 9, "api", "node2", "node3"), "fr")
    page.says(".lane:nth-of-type(2) .headline", "3 conteneurs ont disparu. 1 conteneur tourne sur")
    assert page.cut() == []


def test_sixty_containers_on_six_nodes_fit_with_smaller_blocks(shown):
    page = shown(crowd(6, 10, dead=1))
    page.wait("document.querySelectorAll('.block').length === 120", "all are there")
    sizes = page.value(
        "[...document.querySelectorAll('.block')].map(b => b.getBoundingClientRect().height)"
    )
    assert min(sizes) > 10
    assert [one for one in page.cut() if "page" in one or "block" in one] == []


@pytest.mark.parametrize("size", [(600, 500), (1024, 400)])
def test_a_small_window_scrolls_down_and_never_sideways(shown, size):
    page = shown(crowd(3, 3))
    page.tab.resize(*size)
    page.wait("document.documentElement.scrollHeight > innerHeight", "it scrolls")
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    tops = "[...document.querySelectorAll('.lane, .timeline')].map(e => e.getBoundingClientRect())"
    boxes = page.value(f"{tops}.map(({{top, bottom}}) => [top, bottom])")
    assert all(above[1] <= below[0] for above, below in pairwise(boxes))


def test_a_larger_screen_shows_the_same_larger(shown):
    page = shown(crowd(3, 3))
    share = "document.querySelector('.headline p').getBoundingClientRect().height / innerHeight"
    small = page.value(share)
    page.tab.resize(1920, 1080)
    assert page.value(share) == pytest.approx(small, rel=0.05)
    assert page.cut() == []


def test_colours_and_words_are_the_report_s(shown):
    page = shown(crowd(3, 2))
    style = "getComputedStyle(document.documentElement)"
    for look, paint in LOOKS.items():
        found = page.value(f"{style}.getPropertyValue('--{look}')")
        full = "#" + "".join(2 * c for c in found[1:]) if len(found) == 4 else found
        assert (look, full.upper()) == (look, paint.colour)
    words = page.value("import('/page/words.js').then(({WORDS}) => WORDS.en.looks)")
    assert WORDS.keys() - words.keys() == set()


def contrast(page):
    """Return what is written with less contrast than 4.5 to 1, with what it is written on."""
    return page.value(f"({_CONTRAST})()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_names_are_good(shown, page, scheme):
    page.media(prefers_color_scheme=scheme)
    shown(crowd(3, 3))
    page.says(".headline.good", "All 9 containers run.")
    assert contrast(page) == []
    made = crowd(3, 3)
    made.claims(8, {}, mode="push", ok=False).runs(8, "node3", "run-2", "x", mode="push")
    shown(made.machine(8, "node2", "paused"))
    page.says(".api.silent", "no answer")
    assert contrast(page) == []
    page.value(axe())
    found = page.value(
        "axe.run().then(({violations}) => violations.map("
        "v => [v.id, v.nodes.map(n => n.target.join()).join()]))"
    )
    assert found == []


def test_the_menu_has_good_contrast_and_names(shown, page):
    shown(crowd(3, 2))
    page.value("document.querySelector('.break').click()")
    page.says("dialog", "lab chaos")
    named = page.value("document.querySelector('dialog').getAttribute('aria-labelledby')")
    assert page.text(f"#{named}") == "Break node1"
    page.value(axe())
    assert page.value("axe.run('dialog').then(({violations}) => violations.map(v => v.id))") == []


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
def test_a_container_flies_to_its_new_node_unless_less_motion_is_asked_for(
    tmp_path, page, motion, moves
):
    page.media(prefers_reduced_motion=motion)
    written = Written(tmp_path, crowd(3, 2, dead=0))
    with Stage(written.source()) as stage:
        page.open(stage.url(lang="en"))
        page.wait("document.querySelectorAll('.block').length === 12", "all are there")
        page.value(
            "Element.prototype.animate = function (frames) { (window.moves ??= [])"
            ".push([this.dataset.block, frames[0].transform]); }"
        )
        written.made.runs(9, "node1", "run-4").runs(9, "node3", "run-1", "run-3", "run-6")
        written.write()
        page.wait(
            "document.querySelector('[data-block=\"pull/run-1\"]').dataset.node === 'node3'",
            "it is on node3",
        )
        moved = dict(page.value("window.moves ?? []"))
        assert moved.get("pull/run-1", "").startswith("translate(-") == moves


def test_what_is_vendored_is_what_its_note_says():
    text = (PAGE / "vendor" / "SOURCES").read_text()
    digest = hashlib.sha256((PAGE / "vendor" / "htm-preact.js").read_bytes()).hexdigest()
    assert f"SHA-256: {digest}" in text
    assert {path.name for path in (PAGE / "vendor").iterdir()} == {
        "SOURCES", "LICENSE-htm", "LICENSE-preact", "htm-preact.js",
    }  # fmt: skip


_CONTRAST = """() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const paper = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return [colour, getComputedStyle(at).backgroundImage];
    }
    return [[255, 255, 255, 255], "none"];
  };
  const light = (colour) => colour.slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const written = [...document.querySelectorAll("#stage *")].filter((one) => !one.closest("svg")
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    && one.getClientRects().length && !one.matches(".hidden"));
  return written.map((one) => {
    const [on, image] = paper(one);
    const [a, b] = [light(rgba(getComputedStyle(one).color)), light(on)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const what = `${one.className || one.tagName} ${one.innerText}`;
    return ratio < 4.5 || image !== "none" ? `${what}: ${ratio.toFixed(1)} on ${image}` : "";
  }).filter(Boolean);
}"""
