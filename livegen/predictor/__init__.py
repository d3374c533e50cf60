"""Models that predict the next frame of the score; no torch here."""
