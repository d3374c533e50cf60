"""The grammars of both trackers' texts, a second time, as what their own documents say.

FamiTracker's is `Source/TextExporter.cpp` of https://github.com/Dn-Programming-Core-Management/Dn-FamiTracker
(`ImportFile`, `ImportCellText`, `ExportCellText`) with the limits of `FamiTrackerTypes.h` and `Groove.h`. FamiStudio's
is "FamiStudio Text" in `Docs/docs/export.md` of https://github.com/BleuBleu/FamiStudio, which is
https://famistudio.org/doc/export/, with what `FamistudioTextFile.cs` refuses, `TempoUtils.cs` (`ValidateGroove`) and
`Channel.cs` (`SupportsEffect`). Neither imports anything of livegen.
"""

import re

_QUOTED = r'"(?:[^"]|"")*"'
_CELL = (
    r"(?:\.\.\.|---|===|\^-[0-3]|[A-G][-#][0-7]|{noise}) (?:\.\.|&&|[0-3][0-9A-F]) [.0-9A-F]"
    r"(?: (?:\.\.\.|[0-9A-Z=][0-9A-F][0-9A-F])){{{columns}}}"
)


def check_famitracker(text):
    """Check a text for a module of the console alone; return what it says as a dict."""
    lines = text.split("\n")
    is_vanilla = lines[0].startswith("# FamiTracker text export")
    assert is_vanilla or re.fullmatch(r"# (0CC|Dn)-FamiTracker text export.*", lines[0])
    assert lines[-2] == "# End of export"
    said = {"macros": set(), "instruments": set(), "grooves": {}, "orders": [], "patterns": {}, "tracks": []}
    columns = pattern = None
    for line in filter(None, lines):
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "#":
            continue
        if word in ("TITLE", "AUTHOR", "COPYRIGHT", "COMMENT"):
            assert re.fullmatch(_QUOTED, rest), line
        elif word in ("MACHINE", "FRAMERATE", "EXPANSION", "VIBRATO", "SPLIT"):
            assert 0 <= int(rest) <= {"MACHINE": 1, "FRAMERATE": 800, "EXPANSION": 0, "VIBRATO": 1, "SPLIT": 255}[word]
        elif word == "MACRO":
            numbers, values = rest.split(":")
            kind, index, loop, release, setting = map(int, numbers.split())
            values = [int(value) for value in values.split()]
            assert 0 <= kind <= 4, line
            assert 0 <= index <= 127, line
            assert 1 <= len(values) <= 252, line
            assert -1 <= loop < len(values)
            assert -1 <= release < len(values)
            assert 0 <= setting <= 3
            assert all(-128 <= value <= 127 for value in values)
            assert kind != 0 or all(0 <= value <= 15 for value in values)
            assert (kind, index) not in said["macros"]
            said["macros"].add((kind, index))
        elif word == "GROOVE":
            assert not is_vanilla, "FamiTracker 0.4.6 has no grooves"
            numbers, values = rest.split(":")
            index, size = map(int, numbers.split())
            values = tuple(int(value) for value in values.split())
            assert 0 <= index <= 31
            assert 1 <= size <= 128
            assert len(values) == size
            assert all(1 <= v <= 255 for v in values)
            said["grooves"][index] = values
        elif word == "USEGROOVE":
            assert re.fullmatch(r": 1", rest)
        elif word == "INST2A03":
            match = re.fullmatch(rf"(\d+)((?:\s+-?\d+){{5}}) {_QUOTED}", rest)
            assert match, line
            assert 0 <= int(match[1]) <= 63, line
            for kind, index in enumerate(map(int, match[2].split())):
                assert index == -1 or (kind, index) in said["macros"], line
            said["instruments"].add(int(match[1]))
        elif word == "TRACK":
            match = re.fullmatch(rf"(\d+)\s+(\d+)\s+(\d+) {_QUOTED}", rest)
            assert match, line
            assert 1 <= int(match[1]) <= 256, line
            assert int(match[2]) <= 255, line
            assert int(match[3]) <= 255, line
            said["tracks"].append(tuple(map(int, match.groups())))
        elif word == "COLUMNS":
            columns = [int(number) for number in rest.removeprefix(": ").split()]
            assert len(columns) == 5
            assert all(1 <= number <= 4 for number in columns)
        elif word == "ORDER":
            match = re.fullmatch(r"([0-9A-F]{2}) :((?: [0-9A-F]{2}){5})", rest)
            assert match, line
            assert int(match[1], 16) == len(said["orders"]), line
            said["orders"].append(tuple(int(number, 16) for number in match[2].split()))
        elif word == "PATTERN":
            assert re.fullmatch(r"[0-9A-F]{2}", rest)
            pattern = said["patterns"].setdefault(int(rest, 16), [])
        elif word == "ROW":
            row, *cells = rest.split(" : ")
            assert int(row, 16) == len(pattern), line
            assert len(row) == 2, line
            assert len(cells) == 5, line
            for channel, cell in enumerate(cells):
                noise = "[0-9A-F]-#" if channel == 3 else "(?!)"
                assert re.fullmatch(_CELL.format(noise=noise, columns=columns[channel]), cell), cell
                instrument = cell.split()[1]
                assert instrument in ("..", "&&") or int(instrument, 16) in said["instruments"]
                letters = {effect[0] for effect in cell.split()[3:] if effect != "..."}
                assert letters <= set("0123479ABCDFGPQRSV" if is_vanilla else "0123479ABCDFGOPQRSV"), cell
            pattern.append(cells)
        else:
            raise AssertionError(f"unrecognized command: {line}")
    ((n_rows, speed, _),) = said["tracks"]
    assert all(len(rows) == n_rows for rows in said["patterns"].values())
    assert 1 <= len(said["orders"]) <= 256
    assert {number for order in said["orders"] for number in order} <= said["patterns"].keys()
    assert speed in said["grooves"] if said["grooves"] else 1 <= speed < 32
    return said


_PARENTS = {
    "Project": None,
    "Instrument": "Project",
    "Envelope": "Instrument",
    "Song": "Project",
    "PatternCustomSettings": "Song",
    "Channel": "Song",
    "Pattern": "Channel",
    "Note": "Pattern",
    "PatternInstance": "Channel",
}
_DEPTHS = {"Project": 0, "Instrument": 1, "Song": 1, "Envelope": 2, "PatternCustomSettings": 2, "Channel": 2}
_DEPTHS |= {"Pattern": 3, "PatternInstance": 3, "Note": 4}
_TIMES = {"BeatLength", "NoteLength", "Groove", "GroovePaddingMode"}
_MANDATORY = {
    "Project": set(),
    "Instrument": {"Name"},
    "Envelope": {"Type", "Length", "Values"},
    "Song": {"Name", "Length", "LoopPoint", "PatternLength", *_TIMES},
    "PatternCustomSettings": {"Time", "Length", *_TIMES},
    "Channel": {"Type"},
    "Pattern": {"Name"},
    "Note": {"Time"},
    "PatternInstance": {"Time", "Pattern"},
}
_OPTIONAL = {
    "Project": {"TempoMode", "Name", "Author", "Copyright"},
    "Envelope": {"Loop", "Release", "Relative"},
    "Note": {
        *("Value", "Duration", "Release", "Instrument", "Attack", "Volume", "VibratoSpeed", "VibratoDepth"),
        *("FinePitch", "SlideTarget", "DutyCycle"),
    },
}
_RANGES = {
    "Volume": (0, 15),
    "VibratoSpeed": (0, 12),
    "VibratoDepth": (0, 15),
    "FinePitch": (-128, 127),
    "DutyCycle": (0, 3),
    "Duration": (1, 65535),
    "Release": (1, 65534),
}
_VALUES = {"Volume": (0, 15), "DutyCycle": (0, 3), "Arpeggio": (-64, 63), "Pitch": (-64, 63)}
_NOT_ON = {"Triangle": {"DutyCycle"}, "Noise": {"FinePitch", "VibratoSpeed", "VibratoDepth"}}
_NOTE_NAME = re.compile(r"(?:C|C#|D|D#|E|F|F#|G|G#|A|A#|B)[0-7]")
_ATTRIBUTE = re.compile(r' ([A-Za-z]+)="((?:""|[^"])+)"')


def check_famistudio(text):
    """Check a text of FamiStudio's tempo for the console alone; return what it says as a list of objects."""
    objects, inside = [], {}
    for line in text.split("\n")[:-1]:
        depth = len(line) - len(line.lstrip("\t"))
        kind, _, rest = line.strip("\t").partition(" ")
        attributes = dict(_ATTRIBUTE.findall(" " + rest))
        assert _ATTRIBUTE.sub("", " " + rest).strip() == "", line
        assert kind in _PARENTS, line
        assert depth == _DEPTHS[kind], line
        assert _PARENTS[kind] is None or _PARENTS[kind] in inside, line
        for other in [other for other, level in _DEPTHS.items() if level >= depth]:
            inside.pop(other, None)
        inside[kind] = attributes
        allowed = _MANDATORY[kind] | _OPTIONAL.get(kind, set())
        assert _MANDATORY[kind] <= attributes.keys() <= allowed, line
        objects.append((kind, attributes, dict(inside)))
    assert [kind for kind, _, _ in objects].count("Project") == 1
    assert objects[0][0] == "Project"
    assert objects[0][1]["TempoMode"] == "FamiStudio"
    names = {said["Name"] for kind, said, _ in objects if kind == "Instrument"}
    ((song, _),) = [(said, around) for kind, said, around in objects if kind == "Song"]
    length = int(song["Length"])
    assert 1 <= length <= 256
    assert -1 <= int(song["LoopPoint"]) < length
    _check_times(song, "PatternLength", is_song=True)
    for kind, said, around in objects:
        if kind == "Envelope":
            _check_envelope(said)
        elif kind == "PatternCustomSettings":
            assert 0 <= int(said["Time"]) < length
            _check_times(said, "Length", is_song=False)
        elif kind == "Note":
            _check_note(said, names, around["Channel"]["Type"])
        elif kind == "PatternInstance":
            assert 0 <= int(said["Time"]) < length
    channels = [said["Type"] for kind, said, _ in objects if kind == "Channel"]
    assert channels == ["Square1", "Square2", "Triangle", "Noise", "DPCM"]
    for channel in channels:
        own = [o for o in objects if o[2].get("Channel", {}).get("Type") == channel]
        patterns = [said["Name"] for kind, said, _ in own if kind == "Pattern"]
        assert len(set(patterns)) == len(patterns)
        assert {said["Pattern"] for kind, said, _ in own if kind == "PatternInstance"} == set(patterns)
    return objects


def _check_times(said, length_key, *, is_song):
    groove = [int(number) for number in said["Groove"].split("-")]
    note_length, n_notes = int(said["NoteLength"]), int(said[length_key])
    assert min(groove) == note_length
    assert max(groove) - min(groove) <= 1
    assert 1 <= note_length <= 18
    assert len(groove) == 1 if min(groove) == max(groove) else 2 <= len(groove) <= 8
    assert n_notes >= 1
    assert int(said["BeatLength"]) >= 1
    assert n_notes * note_length <= (2048 // note_length if is_song else 2047)
    assert said["GroovePaddingMode"] in ("Beginning", "Middle", "End")


def _check_envelope(said):
    values = [int(value) for value in said["Values"].split(",")]
    lowest, highest = _VALUES[said["Type"]]
    assert len(values) == int(said["Length"]) <= 256
    assert all(lowest <= value <= highest for value in values)
    loop, release = int(said.get("Loop", -1)), int(said.get("Release", -1))
    assert -1 <= loop < len(values)
    if "Release" in said:
        assert said["Type"] == "Volume"
        assert 0 <= loop < release < len(values)
    assert said.get("Relative", "True") == "True"
    assert "Relative" not in said or said["Type"] == "Pitch"


def _check_note(said, instruments, channel):
    assert 0 <= int(said["Time"]) < 2048
    if "Value" in said:
        assert said["Value"] == "Stop" or _NOTE_NAME.fullmatch(said["Value"]), said
        assert said["Instrument"] in instruments
        assert int(said["Duration"]) >= 1
        assert int(said.get("Release", 0)) < int(said["Duration"])
    else:
        assert not said.keys() & {"Duration", "Release", "Instrument", "SlideTarget", "Attack"}
    assert "SlideTarget" not in said or _NOTE_NAME.fullmatch(said["SlideTarget"])
    assert not said.keys() & _NOT_ON.get(channel, set())
    assert ("VibratoSpeed" in said) == ("VibratoDepth" in said)
    for key, (lowest, highest) in _RANGES.items():
        assert key not in said or lowest <= int(said[key]) <= highest, said
