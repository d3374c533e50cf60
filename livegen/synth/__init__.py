"""A game's sound engine: notes in, register writes for the chip out."""
