"""The sound card, in processes of its own; read `livegen.session.sound.card` first."""
