"""The roll and the gauges of the stage page in a real browser, with a session that the test plays."""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest
from played_session import GAUGES, PlayedSession
from waiting import wait_until

from livegen.controls import DEFAULTS
from livegen.score import N_VOICES, VOLUME_MAX, Voice, onsets
from livegen.units import FRAME_RATE_HZ
from livegen.web.page.files import STATIC

LEGEND: Final = """() => {
    const [roll, canvas, legend] = ["#roll", "#roll canvas", ".legend"]
        .map((each) => document.querySelector(each).getBoundingClientRect());
    const isBeside = canvas.bottom <= legend.top + 1 && legend.bottom <= roll.bottom + 1 && legend.height >= 12;
    const isCut = (item) => item.scrollWidth > item.clientWidth || item.getBoundingClientRect().right > roll.right;
    return [isBeside ? "" : "not under the roll", ...[...document.querySelectorAll(".legend li")]
        .map((item) => (isCut(item) ? item.textContent : ""))].filter(Boolean);
}"""  # what is wrong with it
HEADER: Final = """() => {
    const parts = ".who p, .speed b, .unit, .place span:not(.unseen), .source, dt, .figure b, .lamps, .meter, .more";
    const boxes = [...document.querySelectorAll(parts)].map((each) => {
        if (!each.closest("#gauges") || each.closest("#places") || !each.checkVisibility()) return [];
        const isCut = getComputedStyle(each).overflow !== "visible"; // with dots, in its own room
        const range = document.createRange();
        range.selectNodeContents(each);
        return [each.textContent, (isCut ? each : range).getBoundingClientRect()];
    }).filter(([, box]) => box?.width);
    const { bottom } = document.querySelector("#gauges").getBoundingClientRect();
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    return boxes.flatMap(([text, box], i) => [
        ...(box.left < -1 || box.right > innerWidth + 1 || box.bottom > bottom + 2 ? [`${text} is cut off`] : []),
        ...boxes.slice(i + 1).filter(([, other]) => meet(box, other)).map(([other]) => `${other} lies on ${text}`),
    ]);
}"""  # what is wrong with it
WIDTHS: Final = (1920, 1600, 1499, 1366, 1320, 1280, 1199, 1024, 1001, 1000, 900, 834, 801)
SIZES: Final = ((1440, 900), (1024, 768), (390, 844), (360, 640), (844, 390), (640, 360), (320, 568))


@pytest.fixture
def session(browser: Any) -> Iterator[PlayedSession]:
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    session = PlayedSession(page)
    session.open()
    yield session
    errors = list(session.errors)
    page.close()
    assert errors == []  # nothing that a strict Content-Security-Policy forbids, either


def test_notes_begin_where_the_score_says(modules: Any) -> None:
    generator = np.random.default_rng(7)
    frames = np.zeros((400, N_VOICES, 3), np.uint8)
    frames[..., 0] = generator.choice([0, 60, 60, 62], frames.shape[:2])
    frames[..., 1] = generator.integers(0, 16, frames.shape[:2]) * (np.array([VOLUME_MAX[v] for v in Voice]) > 0)
    nothing = [0, 0, 0, 0]
    rows = [[i, *frame.T.tolist(), nothing, nothing, nothing, None] for i, frame in enumerate(frames)]
    begun = modules.evaluate(
        """async (rows) => {
            const { Score } = await import("/static/score.js");
            const told = {};
            const score = new Score({ values: {}, on: (type, hear) => (told[type] = hear) });
            told.plan({ horizon: 400, frames: rows });
            return score.bars(0, 400).map(({ voice, frame }) => [frame, voice]);
        }""",
        rows,
    )
    assert sorted(map(tuple, begun)) == [tuple(each) for each in np.argwhere(onsets(frames)).tolist()]


def test_an_onset_offset_moves_a_note_and_ends_the_one_before(modules: Any) -> None:
    bars = modules.evaluate(
        """async () => {
            const { Score } = await import("/static/score.js");
            const told = {};
            const score = new Score({ values: {}, on: (type, hear) => (told[type] = hear) });
            const row = (index, note, offset) =>
                [index, [note, 0, 0, 0], [9, 0, 0, 0], [], [0, 0, 0, 0], [offset, 0, 0, 0], [0, 0, 0, 0], null];
            told.plan({ horizon: 9, frames: [row(5, 60, 0.25), row(6, 60, 0), row(7, 62, -0.5), row(8, 0, 0)] });
            return score.bars(0, 20).map(({ note, from, until }) => [note, from, until]);
        }"""
    )
    assert bars == [[60, 5.25, 6.5], [62, 6.5, 8]]


def test_rows_are_kept_for_a_while_and_no_longer(modules: Any) -> None:
    n_rows, first, last = modules.evaluate(
        """async () => {
            const { Score } = await import("/static/score.js");
            const told = {};
            const score = new Score({ values: {}, on: (type, hear) => (told[type] = hear) });
            for (let i = 0; i < 5000; i++) told.plan({ horizon: i, frames: [[i, [], [], [], [], [], [], null]] });
            return [score.rows.length, score.row(5000 - 1025) === undefined, score.row(4999)[0]];
        }"""
    )
    assert n_rows == 1024
    assert first
    assert last == 4999


def test_messages_that_come_late_do_not_move_the_playhead(modules: Any) -> None:
    worst, backwards = modules.evaluate(
        """async (rate) => {
            const { Clock } = await import("/static/clock.js");
            const clock = new Clock(rate);
            let random = 1;
            let arrived = 0;
            let before = -Infinity;
            let worst = 0;
            let backwards = 0;
            for (let ms = 0; ms < 20000; ms += 1000 / rate) {
                random = (random * 16807) % 2147483647;
                const delay = random % 10 ? 0 : random % 400; // a tenth is up to 0.4 s late, and keeps up who follows
                const at = Math.max(arrived, ms + delay);
                arrived = at;
                clock.hear((ms * rate) / 1000, at);
                const position = clock.position(at);
                if (position < before) backwards++;
                before = position;
                if (ms > 1000) worst = Math.max(worst, Math.abs(position - (at * rate) / 1000));
            }
            return [worst, backwards];
        }""",
        FRAME_RATE_HZ,
    )
    assert backwards == 0
    assert worst < 1.0


@pytest.mark.parametrize("leap", [200, -200])
def test_the_playhead_follows_when_the_clock_leaps(modules: Any, leap: int) -> None:
    gap = modules.evaluate(
        """async ([rate, leap]) => {
            const { Clock } = await import("/static/clock.js");
            const clock = new Clock(rate);
            const truth = (ms) => (ms * rate) / 1000 + (ms > 5000 ? leap : 0);
            for (let ms = 0; ms < 6000; ms += 20) {
                clock.hear(truth(ms), ms);
                clock.position(ms);
            }
            return clock.position(6000) - truth(6000);
        }""",
        [FRAME_RATE_HZ, leap],
    )
    assert abs(gap) < 0.1


def test_a_lost_session_is_said_in_large_words_until_it_is_back(session: PlayedSession) -> None:
    away = session.page.locator("#away")
    session.send("lost")
    away.wait_for(state="visible")
    assert "does not answer" in away.inner_text()
    stood = session.page.evaluate("livegen.position")
    session.page.wait_for_function("(n) => livegen.frames > n + 5", arg=session.page.evaluate("livegen.frames"))
    assert session.page.evaluate("livegen.position") == stood
    session.send("gauges", **GAUGES)
    away.wait_for(state="hidden")


def test_a_dead_line_is_noticed_within_two_seconds(session: PlayedSession) -> None:
    session.page.evaluate(
        """() => {
            const began = performance.now();
            new MutationObserver(() => (window.noticed ??= performance.now() - began))
                .observe(document.getElementById("away"), { attributes: true });
        }"""
    )
    session.is_silent = True
    session.page.wait_for_function("() => window.noticed")
    assert session.page.evaluate("window.noticed") < 2000
    session.is_silent = False
    session.page.locator("#away").wait_for(state="hidden")  # by itself


def test_another_session_begins_with_an_empty_roll(session: PlayedSession) -> None:
    session.word = "two"
    session.begin(at=9000)
    session.page.wait_for_function("() => livegen.position > 8999")
    assert session.page.evaluate("livegen.position") < 9100


def settled_boxes(page: Any) -> list[Any]:
    """Return where the parts of the page are, once two frames in a row have them at the same places."""
    boxes = """() => [...document.querySelectorAll("#gauges > *, #gauges dt, .lamps, #roll canvas, #hands, #piano")]
        .map((each) => [each.className, each.getBoundingClientRect().toJSON()])"""
    found: list[list[Any]] = []

    def are_settled() -> bool:
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found.append(page.evaluate(boxes))
        return found[-1:] == found[-2:-1]

    assert wait_until(are_settled)
    return found[-1]


@pytest.mark.parametrize("size", SIZES)
def test_nothing_jumps_whatever_the_gauges_show(session: PlayedSession, size: tuple[int, int]) -> None:
    page = session.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    session.word, session.rows = "two", lambda at: []  # the gauge has its bars from the tempo alone
    session.begin()
    tempo = {"bpm": 93.0, "source": "set", "is_lost": False, "bar": 1, "beat": 1, "peers": 0}
    session.send("gauges", **GAUGES | {"tempo": tempo, "midi_in": ["a"], "midi_out": ["b"]})
    page.wait_for_function("() => document.querySelector('.place span:last-child').textContent === '1.1'")
    before = settled_boxes(page)
    tempo = {"bpm": 287.5, "source": "player", "is_lost": True, "bar": 1412, "beat": 4, "peers": 11}
    crowd = [f"A keyboard with a long name, number {i}" for i in range(8)]
    bad = {"frames_in_hand": 0, "late_frames": 4321, "underflows": 9876, "key_to_sound_ms": 123.4, "seconds": 7262.0}
    session.send("gauges", **GAUGES | bad | {"tempo": tempo, "midi_in": crowd, "midi_out": crowd, "troubles": crowd})
    session.send("news", sentence="a sentence of quite some length about what has just been done, and why")
    page.wait_for_function("() => document.querySelector('.place span:last-child').textContent === '1412.4'")
    assert settled_boxes(page) == before
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    place = page.locator(".place").evaluate("(each) => [each.scrollWidth, each.clientWidth]")
    assert place[0] <= place[1]


def test_nothing_in_the_header_is_cut_off_or_lies_on_another_whatever_it_shows(session: PlayedSession) -> None:
    page = session.page
    tempo = {"bpm": 287.5, "source": "player", "is_lost": True, "bar": 1412, "beat": 4, "peers": 11}
    names = {"patch": "boss_fight_as_somebody_has_changed_it", "model": "trained-on-2026-05-01-for-three-days"}
    bad = {"frames_in_hand": 99, "late_frames": 4321, "underflows": 9876, "key_to_sound_ms": 123.4, "seconds": 7262.0}
    session.word, session.rows = "two", lambda at: []
    session.begin()
    session.send("gauges", **GAUGES | bad | names | {"tempo": tempo})
    page.get_by_text("2:01:02").wait_for()
    wrong = {}
    for width, height in [*((width, 800) for width in WIDTHS), (768, 1024), (430, 932), (780, 360), (568, 320), *SIZES]:
        page.set_viewport_size({"width": width, "height": height})
        wrong[width, height] = page.evaluate(HEADER)
    assert {size: found for size, found in wrong.items() if found} == {}


@pytest.mark.parametrize("size", SIZES)
def test_roll_and_controls_are_worth_their_room(session: PlayedSession, size: tuple[int, int]) -> None:
    page = session.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    session.send("gauges", **GAUGES | {"seconds": 4.0})
    page.get_by_text("0:04").wait_for()
    heights = page.evaluate(
        "['roll', 'hands', 'listen'].map((id) => document.getElementById(id).getBoundingClientRect().height)"
    )
    assert heights[0] > 0.3 * size[1] - 1
    assert heights[1] >= 0.2 * size[1]
    assert heights[2] <= 60
    assert page.locator(".key").first.bounding_box()["height"] >= 64
    assert page.evaluate(LEGEND) == []


def test_a_trouble_is_told_once_makes_room_and_can_be_read_again(session: PlayedSession) -> None:
    page = session.page
    page.evaluate(
        """() => {
            window.told = [];
            const live = document.querySelector("#notices .unseen[role=status]");
            new MutationObserver(() => told.push(live.textContent)).observe(live, { childList: true });
        }"""
    )
    for count in range(1, 20):
        session.send("gauges", **GAUGES | {"troubles": [f"late frames: {count}", "the disk is full"]})
    sentence = page.get_by_role("listitem").filter(has_text="late frames: 19")
    sentence.wait_for()
    assert page.evaluate("told") == ["late frames: 1; the disk is full"]
    mark = page.locator(".troubles summary")
    mark.press("Enter")
    assert not sentence.is_visible()
    assert mark.inner_text().startswith("⚠ 2")
    mark.press("Enter")
    assert sentence.is_visible()
    session.send("gauges", **GAUGES)
    mark.wait_for(state="hidden")


def test_nothing_that_can_be_pressed_is_written_anew_while_it_stays_as_it_is(session: PlayedSession) -> None:
    """Between the two ends of a press Safari would forget it."""
    gauges = GAUGES | {"troubles": ["the disk is full"]}
    session.send("gauges", **gauges)
    session.page.locator(".troubles").wait_for()
    session.page.evaluate("document.querySelector('#piano select').selectedIndex = 2")
    session.page.locator("#piano select").dispatch_event("change")
    session.page.evaluate(
        """() => {
            window.touched = [];
            new MutationObserver((changes) => touched.push(...changes.map(({ target }) => target)
                .filter((each) => each.closest("button, summary, label, select")).map((each) => each.outerHTML))
            ).observe(document.body, { childList: true, subtree: true });
            new MutationObserver(() => (window.isShown = true))
                .observe(document.querySelector("#listen button"), { attributes: true });
        }"""
    )
    for _ in range(3):
        session.send("values", values=dict(DEFAULTS))
        session.send("gauges", **gauges)
    session.page.wait_for_function("() => window.isShown")  # "listen here" looks twice a second
    assert session.page.evaluate("touched") == []


def test_what_a_number_means_is_said_in_words_too(session: PlayedSession) -> None:
    session.send("gauges", **GAUGES | {"frames_in_hand": 0, "troubles": ["the keyboard is gone"]})
    session.page.get_by_role("listitem").filter(has_text="the keyboard is gone").wait_for()
    figures = session.page.locator(".figure").all_text_contents()
    assert "In hand0 frames, bad" in figures
    assert "Late0 frames, fine" in figures


def test_a_voice_of_the_player_s_that_the_model_plays_is_shown_as_the_model_s(session: PlayedSession) -> None:
    page = session.page
    p1, p2 = (page.get_by_role("group", name=f"voice {name}") for name in ("P1", "P2"))
    role = page.locator('[data-control="p1.role"] input:checked')
    colours = """(voice) => ["player", "model"].map((choice) =>
        getComputedStyle(voice.querySelector(`[data-choice=${choice}] span`)).backgroundColor)"""
    session.send("gauges", **GAUGES)
    page.wait_for_function("() => document.querySelector('.voice.is-lent')")
    assert "model plays it now" in p1.get_attribute("title")
    assert role.input_value() == "player"
    lent = p1.evaluate(colours)
    rows = [[*row[:4], [1, 0, 0, 0], *row[5:]] for row in session.rows(100)]

    def is_taken() -> bool:
        session.send("plan", now=100.0, horizon=102, frames=rows)  # again and again: a slow page is past them soon
        session.send("gauges", **GAUGES)
        return bool(page.evaluate("() => !document.querySelector('.voice.is-lent')"))

    assert wait_until(is_taken)
    taken = p1.evaluate(colours)
    assert lent[1] == taken[0]  # the colour of the voice is where it is played
    assert lent[0] != taken[0]
    assert lent[1] != taken[1]
    assert not p2.get_attribute("title")


def test_a_key_that_is_played_shows_its_name(session: PlayedSession) -> None:
    key = session.page.locator('.key[aria-label^="E4"]')
    assert "E4" not in key.inner_text()
    session.send("keys", keys=[64])
    session.page.locator(".key.is-lit", has_text="E4").wait_for()
    session.send("keys", keys=[])
    session.page.locator(".key.is-lit").wait_for(state="detached")
    assert "E4" not in key.inner_text()


def test_words_stand_out_from_every_surface() -> None:
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", (STATIC / "stage.css").read_text(encoding="utf-8")))
    words = ("words", "words-faint", "p1", "p2", "tr", "no", "player", "good", "warn", "bad", "accent")
    for surface in ("ground", "panel", "raised", "raised-more"):
        for name in words:
            assert _contrast(colours[name], colours[surface]) >= 4.5, (name, surface)
        assert _contrast(colours["line-strong"], colours[surface]) >= 3.0, surface


def _contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [value / 255 for value in bytes.fromhex(colour[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))
