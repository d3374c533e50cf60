"""The sound card, in processes of its own: read `card` first, the session's side of them."""
