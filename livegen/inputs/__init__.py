"""What a performer plays or says, as events: MIDI ports and files, the computer's keyboard, OSC, Ableton Link.

Imports the words, `toml`, `system` and `profiles`. Each module is one input, which pushes events into the sink that it
is given. Read `midi` first, and `livegen.events` for what an event is.
"""
