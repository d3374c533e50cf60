"""Files that musicians and data sets use, to and from the score."""
