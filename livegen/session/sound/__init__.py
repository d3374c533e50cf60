"""What plays the sound: the card's driver in a process of its own, and the null clock where there is no card.

Imports what `session` does. Read `speaker` first, then `card`, the session's side of the driver, and `worker`, its own.
"""
