"""What a model is, whichever kind it is: an engine hears a frame, and draws the next one.

Imports the words and `system`, never torch. Read `protocol` first: it is all that a performance knows of a model;
`sampling` names the draws, `checkpoint` loads a model's folder, and each kind has a package of its own here.
"""
