"""The reference page of the patch format, made from the table of keys."""

from collections.abc import Iterable, Mapping
from typing import Final

from livegen.controls import TABLE, Control
from livegen.patch.keys import (
    DRUM_KEYS,
    DRUMS_MAX,
    MACRO_LENGTH_MAX,
    MACRO_SUFFIXES,
    MIDI_KEY_MAX,
    PATCH_KEYS,
    VOICE_KEYS,
    VOICE_SECTIONS,
    Key,
    Range,
)
from livegen.patch.samples import MEMORY_MAX, SAMPLE_ENDINGS
from livegen.patch.values import Patch
from livegen.score import Voice
from livegen.toml.text import TEXT_LENGTH_MAX
from livegen.units import ENGINE_RATE_HZ

_INTRODUCTION: Final = f"""\
# Patches

A patch sets controls and says how notes sound. `livegen jam --patch NAME` takes one of those below, `--patch
FILE.toml` one of your own: copy the nearest and change it. What a patch does not say keeps its default. A mistake is
refused with its file, line, key, value and what is allowed.

This page is made from the program's own table (`livegen patches --reference`).

## The patches

{{patches}}

## Macros

A macro is a whole number, or a list of up to {MACRO_LENGTH_MAX} of them that a note runs through, one an engine tick,
{ENGINE_RATE_HZ} times a second, as in FamiTracker. Each has two more keys, here for `volume`:

{{suffixes}}

Indices count from 0. Without a loop the macro stays at its last value, or waits at its release point. When the key
comes up, the macros jump to their release points, and the note ends when the volume macro does; a note whose volume
macro has no release point ends at once, but one whose volume macro runs to 0 without a loop is a drum: it always runs
to its end.

```toml
volume = [15, 12, 10, 9, 4, 1]
volume_loop = 2     # held, it alternates between 10 and 9
volume_release = 3  # 4 and 1 sound when the key has come up
```

## The patch itself

{{patch_keys}}

## `[p1]`, `[p2]`, `[tr]`, `[no]`: how notes sound on a voice

{{voice_keys}}

- Bends and vibrato of the pulses are free of clicks, as long as no voice of the patch uses `envelope` or a sweep: the
  chip steps these by the same counter that a click-free bend borrows.
- With `model_sound = "patch"` the volume that the model chose is that of its key: it scales the macro, frame by frame.
  `velocity = false` leaves the macro alone.

## `[drums.36]`: what one key of the noise voice plays instead

One section for each MIDI key, 0 to {MIDI_KEY_MAX}, up to {DRUMS_MAX} of them. Keys without one play the section `[no]`
at the noise note that is nearest to General MIDI's drum. With `model_sound = "patch"` in `[no]`, a noise note of the
model's plays the drum that has it as its `note`, the last of them where several do.

{{drum_keys}}

- A sample has one loudness, whatever the key's; give its drum `volume = 0` if the noise shall not sound with it. The
  console has one channel for samples: a new one ends the one before.
- A `.dmc` file has up to 4,081 bytes, as the console's games and FamiTracker have them. A `.wav` file is made one bit
  deep for the drum's `sample_rate`; `livegen convert kick.wav kick.dmc` says what that costs, as signal to noise in dB.
  All samples of a patch have {MEMORY_MAX:,} bytes of room.

## `[controls]`: where the live controls stand at the start

Those of a voice are written `p1.role`, or in a section `[controls.p1]`.

{{controls}}
"""


def reference_page(patches: Mapping[str, Patch]) -> str:
    """Return the page, in Markdown.

    Parameters
    ----------
    patches : mapping of str to Patch
        The shipped ones, by the names of their files.
    """
    return _INTRODUCTION.format(
        patches=markdown_table(
            ("patch", "what it is"), ((f"`{name}`", patch.description) for name, patch in patches.items())
        ),
        suffixes="\n".join(f"- `volume_{suffix}`: {what}" for suffix, what in MACRO_SUFFIXES.items()),
        patch_keys=_keys(PATCH_KEYS),
        voice_keys=_keys(VOICE_KEYS),
        drum_keys=_keys(DRUM_KEYS, (Voice.NO,)),
        controls=markdown_table(
            ("control", "allowed", "default", "what it does"),
            (
                (f"`{control_name(control)}`", _allowed(control), _default(control.default), control.description)
                for control in TABLE
                if not control.is_action
            ),
        ),
    )


def _keys(keys: Iterable[Key], voices: tuple[Voice, ...] = tuple(Voice)) -> str:
    rows = ((f"`{key.name}`", _kind(key, voices), _default(key.default), key.description) for key in keys)
    return markdown_table(("key", "allowed", "default", "what it does"), rows)


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" for cells in lines)


def _kind(key: Key, sections: tuple[Voice, ...]) -> str:
    """Return what a key allows in some voices' sections, and which of them have it if not all do."""
    if key.kind == "sample":
        return " or ".join(f"`FILE{ending}`" for ending in SAMPLE_ENDINGS)
    if key.kind == "text":
        return f"one line, up to {TEXT_LENGTH_MAX} characters"
    if key.kind in ("bool", "choice"):
        words = "true or false" if key.kind == "bool" else ", ".join(f'"{choice}"' for choice in key.choices)
        return words + _of_voices(tuple(key.ranges), sections)
    of_range: dict[Range, list[Voice]] = {}
    for voice, its_range in key.ranges.items():
        if voice in sections:
            of_range.setdefault(its_range, []).append(voice)
    parts = [f"{low:g}..{high:g}{_of_voices(tuple(voices), sections)}" for (low, high), voices in of_range.items()]
    what = {"int": "", "number": "", "macro": "macro of ", "run": "list of "}[key.kind]
    return f"{what}{'; '.join(parts)}{f' {key.unit}' if key.unit else ''}"


def _of_voices(voices: tuple[Voice, ...], sections: tuple[Voice, ...]) -> str:
    if set(voices) >= set(sections):
        return ""
    return f" ({', '.join(name for name, voice in VOICE_SECTIONS.items() if voice in voices)})"


def control_name(control: Control) -> str:
    """Return the full name of a control; of one that each voice has, that of the first voice."""
    return control.name if control.scope == "global" else f"p1.{control.name}"


def _allowed(control: Control) -> str:
    if control.kind == "choice":
        return ", ".join(f'"{choice}"' for choice in control.choices)
    if control.kind == "bool":
        return "true or false"
    return f"{control.minimum:g}..{control.maximum:g}{f' {control.unit}' if control.unit else ''}"


def _default(default: object) -> str:
    if default is None or default == "":
        return ""
    if isinstance(default, str):
        return f'"{default}"'
    return str(default).lower() if isinstance(default, bool) else f"{default:g}"
