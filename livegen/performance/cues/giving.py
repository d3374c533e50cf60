"""Giving a cue: from the control that is set to a cue in its place, or the reason why there is none."""

from dataclasses import replace
from typing import Final

from livegen.events import SetControl
from livegen.performance.cues.cadence import heard_key
from livegen.performance.cues.cue import Cue
from livegen.performance.cues.placing import placed
from livegen.performance.state import Refused, State
from livegen.performance.tempo import Tempo
from livegen.voices import VOICE_OF_NAME

_LEAP_BEATS: Final = 0.5
"""From how many beats on a change of the count is a leap, and no correction."""


def given(state: State, event: SetControl, source: str) -> Cue | Refused | None:
    """Return the cue that an event gives, None where a button comes up, or why it cannot be given.

    Parameters
    ----------
    state : State
    event : SetControl
        Of one of `livegen.performance.cues.cue.CUES`.
    source : str
    """
    name, value = event.name, str(event.value).lower() if event.name == "solo" else event.value
    if value is False:
        return None
    if not state.is_running:
        return Refused(name, "the model does not play, so no cue can be given: start it first", source)
    if state.cues.ending is not None:
        return Refused(name, "the music comes to its end already: undo takes that back", source)
    if name == "solo" and value not in VOICE_OF_NAME:
        return Refused(name, f"solo cannot be {value!r}: allowed is {', '.join(VOICE_OF_NAME)}", source)
    return placed(
        name,
        value,
        str(state.values["cue_when"]),
        state.tempo,
        state.horizon,
        number=state.cues.n_given,
        source=source,
        beats_a_bar=int(state.values["beats_a_bar"]),
        section_end=_section_end(state),
        key=heard_key(state.timeline.steps, state.values) if name == "end" else None,
    )


def _section_end(state: State) -> int | None:
    """Return the frame in which the section ends that is played; None where no form is planned."""
    timeline = state.timeline
    if not timeline.start <= state.horizon < timeline.end:
        return None
    context = timeline.at(state.horizon).context
    return state.horizon + context.form.until - context.n_frames


def recounted(state: State, before: Tempo) -> State:
    """Return the state with its cues, and chords to come, where they are to be after a tempo has taken over.

    Where the count of beats leaps, as when a clock starts at bar 1 or another source takes over, they keep their time.
    """
    jump = state.tempo.beats_at(state.horizon) - before.beats_at(state.horizon)
    if abs(jump) < _LEAP_BEATS or not (state.cues.pending or state.count_in or state.walk.steps):
        return state
    beats_a_bar = int(state.values["beats_a_bar"])
    cues = state.cues.recounted(jump, beats_a_bar, state.horizon)
    count_in = state.count_in and state.count_in.recounted(jump, beats_a_bar, state.horizon)
    return replace(state, cues=cues, count_in=count_in, walk=state.walk.recounted(jump, state.horizon))
