"""The controls, the piano and "listen here" of the stage page in a real browser, with a session that the test plays."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
from played_session import GAUGES, HeardSession

from livegen.controls import CONTROLS
from livegen.inputs.terminal import KEY_OFFSETS
from livegen.score import DRUM_NOTES, MIDI_CHANNEL, Voice
from livegen.web.server import mirror

NEW_ROW: Final = {"name": "brand_new", "scope": "global", "kind": "float", "default": 0.5, "description": "of tomorrow"}
TABLE: Final = [
    *mirror.TABLE,
    {**NEW_ROW, "minimum": 0.0, "maximum": 1.0, "choices": [], "unit": "", "names_control": False},
]
KEYS: Final = ".keys"
NOTE_ON, NOTE_OFF = 0x90, 0x80


class Stage(HeardSession):
    """One with a control that the page does not know."""

    table = TABLE
    patches, models = ("lead", "plain"), ("default", "solo")

    def begin(self, at: int = 100) -> None:
        super().begin(at)
        self.send("songs", songs=["Opening", "Night", "Coda"], current=1, wanted=None)

    def rows(self, at: int) -> list[list[Any]]:
        return []


@pytest.fixture
def stage(browser: Any) -> Iterator[Stage]:
    page = browser.new_page(viewport={"width": 1024, "height": 768})
    stage = Stage(page)
    stage.open()
    page.evaluate("for (const fold of document.querySelectorAll('#hands details')) fold.open = true")
    yield stage
    page.close()
    assert stage.errors == []


def test_every_row_has_one_widget_and_one_that_nobody_knows_is_under_more(stage: Stage) -> None:
    names = stage.page.evaluate("[...document.querySelectorAll('[data-control]')].map((e) => e.dataset.control)")
    pads = ["recall", "vae.recall", "gan.recall"]  # of which there are eight, that store too once "store" is pressed
    assert Counter(names) == Counter(row["name"] for row in TABLE) + Counter(7 * pads)
    assert stage.widget("brand_new").locator("xpath=ancestor::details/summary").inner_text() == "more"


def test_every_widget_has_a_name_and_works_from_the_keyboard(stage: Stage) -> None:
    widgets = stage.page.context.new_cdp_session(stage.page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "slider", "textbox", "spinbutton", "combobox", "radio", "switch", "radiogroup"}
    asked = [node for node in widgets if node.get("role", {}).get("value") in roles and not node["ignored"]]
    assert len(asked) > len(TABLE)
    assert [node for node in asked if not node["name"]["value"]] == []
    for row in TABLE:
        kind, name = row["kind"], row["name"]
        word = name.split(".")[-1]
        if row["names_control"] or word in ("store", "towards"):
            continue
        if word == "recall":
            stage.widget(name).press("Enter")
        elif word == "reroll":
            stage.widget(name, "button").last.press("Enter")
        elif word in ("patch", "model", "song"):
            stage.widget(name, "select").press("ArrowDown")
        elif kind == "choice":
            is_list = stage.widget(name, "select").count() > 0
            stage.widget(name, "select" if is_list else "input:checked").press("ArrowDown")
        elif kind in ("float", "int"):
            stage.widget(name, "[type=range]").press("ArrowLeft" if row["default"] == row["maximum"] else "ArrowRight")
        elif kind == "name":
            stage.widget(name, "input").fill("gig")
            stage.widget(name, "input").press("Enter")
        else:
            stage.widget(name, "button").press("Enter")
        assert name in dict(stage.sets()), name


def test_songs_stand_in_front_where_there_is_a_set_list_and_the_other_pages_are_linked(stage: Stage) -> None:
    page, row = stage.page, stage.page.locator(".songs")
    picker = stage.widget("song", "select")
    assert (picker.input_value(), row.locator(".song-place").text_content()) == ("Night", "2 of 3")
    stage.widget("next", "button").click()
    picker.select_option("Opening")
    assert stage.sets() == [("next", True), ("song", "Opening")]
    stage.send("songs", songs=["Opening", "Night", "Coda"], current=1, wanted=2)
    row.locator(".song-place", has_text="to come").wait_for()
    page.wait_for_function("() => document.querySelector('[data-control=song] select').value === 'Coda'")
    stage.send("songs", songs=["Opening", "Night", "Coda"], current=2, wanted=None)
    row.locator(".song-place", has_text="3 of 3").wait_for()
    stage.send("songs", songs=[], current=0, wanted=None)
    row.wait_for(state="hidden")
    links = page.locator(".views a").evaluate_all("(links) => links.map((each) => each.getAttribute('href'))")
    assert links == ["/?view=stage", "/?view=show"]


def test_the_page_says_what_is_in_force_but_not_under_a_finger(stage: Stage) -> None:
    slider = stage.widget("temperature", "[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    stage.page.mouse.move(box["x"] + 10, box["y"] + 20)
    stage.page.mouse.down()
    for step in range(200):
        stage.page.mouse.move(box["x"] + 10 + step / 2, box["y"] + 20)
    held = slider.input_value()
    stage.send("values", values={"temperature": 0.3})
    stage.settle()
    assert slider.input_value() == held != "0.3"
    sent = stage.sets()
    assert len(sent) < 200  # no more than one for each frame of the screen, and the last one counts
    assert sent[-1] == ("temperature", float(held))
    stage.page.mouse.up()
    stage.page.wait_for_function("() => document.querySelector('[data-control=temperature] input').value === '0.3'")
    slider.press("Delete")
    assert stage.sets() == [("temperature", CONTROLS["temperature"].default)]


def test_a_widget_that_is_touched_while_learning_is_not_moved(stage: Stage) -> None:
    stage.widget("learn", "button").click()
    stage.page.locator('[data-control="p2.role"] [data-choice=off]').click()
    assert stage.sets() == [("learn", "p2.role")]
    stage.send("knobs", knobs={"p2.role": "CC 21"})
    stage.page.locator('[data-control="p2.role"] .badge', has_text="CC 21").wait_for()
    stage.page.locator('[data-control="p2.role"] [data-choice=off]').click()
    assert stage.sets() == [("p2.role", "off")]


def test_the_prompt_stands_while_the_session_waits_for_a_knob(stage: Stage) -> None:
    prompt = stage.page.locator(".prompt")
    stage.send("gauges", **GAUGES | {"learning": "p1.volume"})
    prompt.filter(has_text="P1 volume").wait_for()
    stage.send("gauges", **GAUGES | {"learning": None})
    prompt.wait_for(state="hidden")


def test_a_voice_that_the_model_lacks_is_called_silent_while_its_role_is_the_model(stage: Stage) -> None:
    heading = stage.page.locator(".voice h3", has_text="P2")
    stage.send("values", values={"p2.role": "model"})
    stage.send("gauges", **GAUGES | {"lacks": ["p2", "tr"], "model": "solo"})
    stage.settle()
    assert (heading.text_content(), heading.get_attribute("title")) == ("P2 · silent", "the model solo has no P2")
    stage.send("values", values={"p2.role": "player"})
    stage.send("gauges", **GAUGES | {"lacks": ["p2", "tr"], "model": "solo"})
    stage.settle()
    assert (heading.text_content(), heading.get_attribute("title")) == ("P2", "")


def test_escape_gives_learning_up_and_is_panic_after_that(stage: Stage) -> None:
    learn = stage.widget("learn", "button")
    assert learn.get_attribute("aria-pressed") == "false"
    learn.click()
    stage.page.keyboard.press("Escape")
    assert learn.get_attribute("aria-pressed") == "false"
    assert stage.sets() == []
    stage.page.keyboard.press("Escape")
    assert stage.sets() == [("panic", True)]


def test_who_hears_nothing_is_told_what_to_press(stage: Stage) -> None:
    words = stage.page.locator(".listen-says")
    words.filter(has_text="No sound card").wait_for()
    stage.send("gauges", **GAUGES | {"sound": "ALSA: a card"})
    words.filter(has_text="sound, in this browser").wait_for()


def test_what_to_press_is_told_with_the_gauges_so_that_nothing_moves_after_them(stage: Stage) -> None:
    stage.page.locator(".listen-says", has_text="No sound card").wait_for()
    show = """(gauges) => {
        livegen.link.tell("gauges", gauges);
        return document.querySelector(".listen-says").textContent;
    }"""
    assert "sound, in this browser" in stage.page.evaluate(show, GAUGES | {"sound": "ALSA: a card"})
    assert "No sound card" in stage.page.evaluate(show, GAUGES)


def test_space_stops_after_a_slider_was_dragged(stage: Stage) -> None:
    stage.widget("temperature", "[type=range]").click()
    stage.sets()
    stage.page.keyboard.press("Space")
    assert stage.sets() == [("stop", True)]


def test_pads_recall_and_store(stage: Stage) -> None:
    pad = stage.page.get_by_role("group", name="memories").locator(".pad", has_text="3")
    pad.click()
    stage.widget("store").click()
    pad.click()
    pad.click()
    assert stage.sets() == [("recall", "3"), ("store", "3"), ("recall", "3")]


def test_escape_is_panic_even_in_a_field_and_space_starts_and_stops(stage: Stage) -> None:
    stage.widget("save", "input").press("Escape")
    stage.page.evaluate("document.activeElement.blur()")
    stage.page.keyboard.press("Space")
    stage.page.keyboard.press("Space")
    assert [name for name, _ in stage.sets()] == ["panic", "start", "stop"]


def test_the_computer_plays_the_rows_of_the_terminal(stage: Stage) -> None:
    for key, offset in KEY_OFFSETS.items():
        stage.page.keyboard.press(key)
        assert stage.midi() == [[NOTE_ON, 60 + offset, 100], [NOTE_OFF, 60 + offset, 64]], key
    stage.widget("save", "input").press_sequentially("zsx")
    assert stage.midi() == []


def test_each_channel_is_its_voice_and_drums_are_named_as_the_chip_has_them(stage: Stage) -> None:
    picker = stage.page.locator("#piano select")
    for index, voice in enumerate(Voice):
        picker.select_option(str(index))
        stage.page.keyboard.press("z")
        assert stage.midi()[0][0] == NOTE_ON | MIDI_CHANNEL[voice]
    named = stage.page.evaluate("[...document.querySelectorAll('.key')].map((e) => [+e.dataset.offset, e.innerText])")
    drums = {36 + offset for offset, text in named if any(word.isalpha() and len(word) > 2 for word in text.split())}
    assert drums == {key for key in DRUM_NOTES if key >= 36}
    stage.page.locator("button.take").click()  # the model had it
    assert stage.sets() == [("no.role", "player")]


def test_no_note_hangs_whatever_happens(stage: Stage) -> None:
    page, generator = stage.page, random.Random(7)
    keys = page.locator(KEYS).bounding_box()
    down: set[str] = set()
    for _ in range(600):
        act = generator.random()
        if act < 0.35:
            key = generator.choice(list(KEY_OFFSETS))
            page.keyboard.down(key)
            down.add(key)
        elif act < 0.6 and down:
            key = generator.choice(sorted(down))
            page.keyboard.up(key)
            down.discard(key)
        elif act < 0.75:
            page.mouse.move(
                keys["x"] + generator.random() * keys["width"],
                keys["y"] + generator.random() * keys["height"] * 1.3 - 40,
            )
        elif act < 0.85:
            generator.choice([page.mouse.down, page.mouse.up])()
        elif act < 0.9:
            page.keyboard.press(generator.choice(["ArrowLeft", "ArrowRight"]))
        elif act < 0.93:
            page.evaluate(f"dispatchEvent(new Event('{generator.choice(['blur', 'pagehide'])}'))")
        elif act < 0.96:
            page.evaluate(f"document.querySelector('#piano select').value = {generator.randrange(4)}")
            page.evaluate("document.querySelector('#piano select').dispatchEvent(new Event('change'))")
        else:
            page.evaluate("document.querySelector('.key').click()")
    page.mouse.up()
    for key in down:
        page.keyboard.up(key)
    page.evaluate("() => new Promise((done) => setTimeout(done, 400))")  # a key that was clicked lasts 300 ms
    held: Counter[tuple[int, int]] = Counter()
    messages = stage.midi()
    for status, note, velocity in messages:
        held[status & 0x0F, note] += 1 if status & 0xF0 == NOTE_ON else -1
        assert held[status & 0x0F, note] in (0, 1)
        assert 1 <= velocity <= 127
    assert messages
    assert set(held.values()) == {0}


def test_fingers_play_together_end_when_they_are_taken_away_and_mark_and_zoom_nothing(stage: Stage) -> None:
    box = stage.page.locator(KEYS).bounding_box()
    lowest_line = box["y"] + box["height"] - 5
    ends = (box["x"] + 5, box["x"] + box["width"] - 5)
    points = [{"x": x, "y": lowest_line, "id": finger} for finger, x in enumerate(ends)]
    touch = stage.page.context.new_cdp_session(stage.page)
    for end in ("touchEnd", "touchCancel"):
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
        low, high = stage.midi()
        assert low[0] == high[0] == NOTE_ON
        assert low[1] < high[1]
        touch.send("Input.dispatchTouchEvent", {"type": end, "touchPoints": []})
        assert sorted(stage.midi()) == [[NOTE_OFF, low[1], 64], [NOTE_OFF, high[1], 64]]
    assert stage.page.evaluate("document.activeElement === document.body")  # space is the player's
    style = "(({ touchAction, userSelect }) => [touchAction, userSelect])(getComputedStyle(document.body))"
    assert stage.page.evaluate(style) == ["manipulation", "none"]
    small = """() => [...document.querySelectorAll("input:not([type=range], [type=radio]), select")]
        .filter((each) => parseFloat(getComputedStyle(each).fontSize) < 16).map((each) => each.ariaLabel)"""
    assert stage.page.evaluate(small) == []  # iOS zooms in on a field of smaller letters


def test_a_browser_without_midi_says_so_over_everything_and_offers_none(stage: Stage) -> None:
    stage.page.set_viewport_size({"width": 360, "height": 640})
    stage.page.add_init_script("delete Navigator.prototype.requestMIDIAccess")
    stage.page.reload()
    stage.page.get_by_text("no MIDI here").wait_for()
    assert stage.page.locator("button.midi").count() == 0
    stage.page.get_by_role("button", name="Rig").click()
    stage.page.get_by_text("Plug the keyboard into the machine that plays").wait_for()
    covered = """() => [...document.querySelectorAll("#places dt, #places dd")].filter((each) => {
        const { left, top, height } = each.getBoundingClientRect();
        return left < 0 || document.elementFromPoint(left + 1, top + height / 2) !== each;
    }).map((each) => each.textContent)"""
    assert stage.page.evaluate(covered) == []


def test_listening_goes_on_in_one_context_when_it_was_held_and_when_the_session_changes(stage: Stage) -> None:
    page = stage.page
    page.evaluate(
        """() => {
            const Context = AudioContext;
            window.contexts = [];
            window.AudioContext = class extends Context {
                constructor(options) {
                    super(options);
                    contexts.push(this);
                }
            };
        }"""
    )
    page.get_by_role("button", name="Listen here").click()
    page.wait_for_function("() => contexts[0]?.state === 'running'")
    page.evaluate("contexts[0].suspend()")  # as a phone does for a call
    page.get_by_text("touch the page").wait_for()
    page.keyboard.press("z")
    page.wait_for_function("() => contexts[0].state === 'running'")
    stage.midi()
    stage.send("hello", session="two", version="0", frame_rate=24, sample_rate=44_100, table=TABLE)
    page.wait_for_function("() => livegen.link.hello.sample_rate === 44100")
    stage.settle()
    assert [each for each in stage.heard if each["type"] == "listen"] == [{"type": "listen", "on": True}]
    assert page.evaluate("contexts.length") == 1


def test_a_line_that_is_cut_leaves_no_key_down(stage: Stage) -> None:
    stage.page.keyboard.down("z")
    assert stage.midi() == [[NOTE_ON, 60, 100]]
    stage.socket.close()
    stage.page.wait_for_function("() => document.querySelectorAll('.key.is-down').length === 0")
    stage.page.wait_for_function("() => livegen.link.isOpen && livegen.link.state === 'here'")
    stage.page.keyboard.up("z")
    assert stage.midi() == []
