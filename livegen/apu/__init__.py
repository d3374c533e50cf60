"""The chip, NES 2A03 APU, and nothing else: register writes in, samples out."""
