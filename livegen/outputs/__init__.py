"""What leaves livegen: sound and MIDI."""
