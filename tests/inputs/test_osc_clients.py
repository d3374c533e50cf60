"""Programs that musicians have drive a jam by OSC and follow it: liblo's tools, Pure Data, SuperCollider."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from livegen_process import Jam, OscClient, assert_left_well
from programs import PACKAGES, PATIENCE_SECONDS, free_port, needs
from waiting import wait_until


@pytest.fixture(scope="module")
def jam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jam]:
    if not any(map(shutil.which, PACKAGES)):
        needs(*PACKAGES)
    jam = Jam(tmp_path_factory.mktemp("jam"), "--audio", "null", "--no-take", "--seed", "3")
    yield jam
    try:
        assert_left_well(jam)
    finally:
        jam.close()


@pytest.fixture
def osc(jam: Jam) -> OscClient:
    return jam.osc()


def test_oscsend_drives_a_jam_and_oscdump_follows_it(run_program, osc: OscClient, jam: Jam) -> None:
    needs("oscsend", "oscdump")
    followed = free_port()
    dump = run_program("oscdump", "-L", str(followed))

    def send(address: str, *types_and_values: str) -> None:
        subprocess.run(["oscsend", "localhost", str(jam.osc_port), address, *types_and_values], check=True, timeout=20)

    def is_followed() -> bool:  # it says nothing when it listens
        send("/livegen/register", "i", str(followed))
        return "/livegen/heartbeat" in dump.printed

    assert wait_until(is_followed, PATIENCE_SECONDS)
    send("/livegen/{p1,p2}/volume", "f", "0.5")
    send("/livegen/mode", "S", "answer")
    send("/livegen/tr/mute", "T")
    send("/livegen/rewind", "N")
    send("/livegen/store/verse", "I")
    send("/livegen/top_p", "d", "0.75")
    send("/livegen/lookahead", "h", "20")
    send("/livegen/note", "iif", "1", "64", "0.5")
    send("/livegen/midi", "m", "00904864")
    send("/livegen/recall", "c", "x")
    send("/livegen/capture", "F")
    assert dump.has_printed(
        r"/livegen/p1/volume f 0\.5",
        r"/livegen/p2/volume f 0\.5",
        r'/livegen/mode s "answer"',
        r"/livegen/tr/mute i 1",
        r"/livegen/rewind i 4",
        r'/livegen/store s "verse"',
        r"/livegen/top_p f 0\.75",
        r"/livegen/lookahead i 20",
    )
    assert "/livegen/capture" not in dump.printed
    osc.send("/livegen/panic")
    assert dump.has_printed(r"/livegen/panic i 1")
    send("/livegen/start")
    assert dump.has_printed(r"/livegen/start i 1")


PD = """#N canvas 0 0 700 400 12;
#X obj 10 10 loadbang;
#X obj 10 40 t b b b b b b b;
#X msg 600 70 connect 127.0.0.1 {port};
#X msg 510 70 {followed};
#X obj 510 100 oscformat livegen register;
#X msg 420 70 0.25;
#X obj 420 100 oscformat livegen temperature;
#X msg 330 70 2;
#X obj 330 100 oscformat livegen rewind;
#X msg 240 70 1 67 0.8;
#X obj 240 100 oscformat livegen note;
#X msg 150 70 1;
#X obj 150 100 oscformat livegen [tn]? mute;
#X msg 60 70 1;
#X obj 60 100 oscformat livegen store chorus;
#X obj 10 300 netsend -u -b;
#X obj 300 250 netreceive -u -b {followed};
#X obj 300 280 oscparse;
#X obj 300 310 print heard;
#X connect 0 0 1 0;
#X connect 1 6 2 0;
#X connect 1 5 3 0;
#X connect 1 4 5 0;
#X connect 1 3 7 0;
#X connect 1 2 9 0;
#X connect 1 1 11 0;
#X connect 1 0 13 0;
#X connect 2 0 15 0;
#X connect 3 0 4 0;
#X connect 4 0 15 0;
#X connect 5 0 6 0;
#X connect 6 0 15 0;
#X connect 7 0 8 0;
#X connect 8 0 15 0;
#X connect 9 0 10 0;
#X connect 10 0 15 0;
#X connect 11 0 12 0;
#X connect 12 0 15 0;
#X connect 13 0 14 0;
#X connect 14 0 15 0;
#X connect 16 0 17 0;
#X connect 17 0 18 0;
"""


def test_pure_data_drives_a_jam_and_follows_it(run_program, jam: Jam, tmp_path: Path) -> None:
    """It has no whole numbers: all that it sends are floats."""
    needs("pd")
    patch = tmp_path / "follow.pd"
    patch.write_text(PD.format(port=jam.osc_port, followed=free_port()))
    pd = run_program("pd", "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr", "-open", patch)
    assert pd.has_printed(
        r"heard: .*livegen temperature 0\.25",
        r"heard: .*livegen rewind 2$",
        r"heard: .*livegen tr mute 1",
        r"heard: .*livegen no mute 1",
        r"heard: .*livegen store chorus",
        r"heard: .*livegen heartbeat",
    ), pd.printed
    assert "error" not in pd.printed


SUPERCOLLIDER = """
(
var jam = NetAddr("127.0.0.1", {port});
OSCFunc.trace(true);
OSCFunc({{ |message| ("heard" + message).postln }}, '/livegen/swing');
jam.sendMsg('/livegen/register');
jam.sendMsg('/livegen/p2/density', 0.5);
jam.sendMsg('/livegen/recall/nothing', 1);
jam.sendBundle(0.3, ['/livegen/swing', 0.5], ['/livegen//mute', 1], ['/livegen/note', 1, 60, 0.7]);
jam.sendBundle(3600, ['/livegen/tightness', 0.5]);
)
"""


def test_supercollider_drives_a_jam_and_follows_it(run_program, jam: Jam, tmp_path: Path) -> None:
    """Its bundles have time tags: one three tenths of a second ahead, and one of a clock that is an hour off."""
    needs("sclang")
    script, runtime = tmp_path / "follow.scd", tmp_path / "runtime"
    script.write_text(SUPERCOLLIDER.format(port=jam.osc_port))
    runtime.mkdir(mode=0o700)
    sclang = run_program(
        *("sclang", "-D", script),
        QT_QPA_PLATFORM="offscreen",
        QTWEBENGINE_DISABLE_SANDBOX="1",  # it has a browser in it, which refuses to run as root
        XDG_RUNTIME_DIR=str(runtime),
        HOME=str(tmp_path),
    )
    assert sclang.has_printed(
        r"/livegen/p2/density, 0\.5",
        r"/livegen/error, .*nothing",
        r"/livegen/error, .*the clock of 127\.0\.0\.1 is 3600\.\d s ahead",
        r"/livegen/tightness, 0\.5",
        r"/livegen/swing, 0\.5",
        r"/livegen/no/mute, 1",
    ), sclang.printed
    assert sclang.printed.index("/livegen/tightness, 0.5") < sclang.printed.index("/livegen/swing, 0.5")
