import json
from dataclasses import replace

import mido
import numpy as np
import pytest
from vae_weights import random_engine

from livegen.engines.protocol import Sampling
from livegen.engines.steps import score_of_steps
from livegen.errors import ControlError, FormatError
from livegen.formats.latents import Latents, is_latents, read_latents, write_latents
from livegen.formats.score.kinds import read_score, write_piece
from livegen.formats.score.piece import Piece
from livegen.offline import latent


@pytest.fixture(scope="module")
def engine():
    return random_engine()


@pytest.fixture
def places(engine) -> Latents:
    return latent.sample(engine, 3, 5, {"density": 1.5})


@pytest.mark.parametrize("ending", [".json", ".npz"])
def test_a_file_of_latents_gives_them_back(tmp_path, places, ending):
    path = tmp_path / f"places{ending}"
    write_latents(path, places)
    assert is_latents(path)
    again = read_latents(path)
    assert again.z == pytest.approx(places.z, abs=1e-4)
    assert (again.names, again.model, again.bpm) == (places.names, places.model, places.bpm)


@pytest.mark.parametrize("ending", [".json", ".npz"])
@pytest.mark.parametrize("cut", [0, 1, 40, 200])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, places, ending, cut):
    path = tmp_path / f"places{ending}"
    write_latents(path, places)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError, match=r"no file of latents, or it is damaged"):
        read_latents(path)


def test_latents_that_are_no_numbers_of_use_are_refused(tmp_path, places):
    path = tmp_path / "places.json"
    write_latents(path, places)
    for change in ({"z": [1, 2]}, {"z": []}, {"z": [[1e9]]}, {"z": [[float("nan")]]}, {"bpm": -1}):
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(FormatError):
            read_latents(path)
        write_latents(path, places)
    with pytest.raises(FormatError, match="must end in"):
        write_latents(tmp_path / "places.txt", places)


def test_a_score_has_a_place_for_every_eight_beats(tmp_path, engine, places):
    steps = np.concatenate([engine.decode(z, Sampling(), i) for i, z in enumerate(places.z)])
    path = tmp_path / "song.mid"
    write_piece(path, Piece(score_of_steps(steps, 12.0), tempos=((0, 120.0),)))
    found = latent.encode(engine, path)
    assert found.z.shape == (3, engine.config.n_latents)
    assert found.bpm == pytest.approx(120.0)
    assert found.z == pytest.approx(np.stack([engine.encode(w) for w in np.split(steps, 3)]), abs=0.5)
    assert len(latent.encode(engine, path, bpm=60.0).z) == 2  # three times eight beats are twelve of these
    one = tmp_path / "one.npz"
    write_piece(one, Piece(np.zeros((40, 4, 3), np.uint8)))
    with pytest.raises(FormatError, match="--bpm"):
        latent.encode(engine, one)
    assert len(latent.encode(engine, one, bpm=120.0).z) == 1


def test_a_score_with_a_tempo_beyond_music_is_refused(tmp_path, engine):
    quick = tmp_path / "quick.mid"
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1)])
    track.append(mido.Message("note_on", note=60, velocity=90))
    track.append(mido.Message("note_off", note=60, time=480 * 100_000))
    mido.MidiFile(tracks=[track]).save(quick)
    with pytest.raises(FormatError, match=r"more than 80,000 beats at .* say a lower tempo"):
        latent.encode(engine, quick)


def test_places_become_music_at_their_tempo(engine, places):
    piece = latent.decode(engine, places, Sampling(), 1)
    assert len(piece.frames) == 3 * 96
    assert piece.tempos == ((0, 120.0),)
    assert (piece.frames == latent.decode(engine, places, Sampling(), 1).frames).all()
    assert len(latent.decode(engine, places, Sampling(), 1, bpm=90.0).frames) == 3 * 128
    with pytest.raises(FormatError, match=r"3 x 8 beats at 0\.03 a minute are over 1,000,000 frames"):
        latent.decode(engine, replace(places, bpm=0.03), Sampling(), 1)


def test_the_way_between_two_places_begins_and_ends_at_them(places):
    way = latent.between(places, Latents(places.z[1:], places.names, places.model), 5)
    assert len(way.z) == 5
    assert (way.z[0] == places.z[0]).all()
    assert (way.z[-1] == places.z[1]).all()
    assert way.z[2] == pytest.approx((places.z[0] + places.z[1]) / 2, abs=1e-6)


def test_named_latents_are_set_and_others_refused(engine, places):
    assert (places.z[:, 0] == 1.5).all()
    assert len(np.unique(places.z[:, 1])) == 3
    with pytest.raises(ControlError, match="it has density, register"):
        latent.sample(engine, 1, 0, {"joy": 1.0})


def test_latents_of_another_model_are_refused(tmp_path, engine, places):
    path = tmp_path / "places.json"
    write_latents(path, Latents(places.z[:, :5], places.names, "other"))
    with pytest.raises(FormatError, match="5 latents of other"):
        latent.load(engine, path)
    write_latents(path, places)
    assert latent.load(engine, path).z == pytest.approx(places.z, abs=1e-4)
    with pytest.raises(FormatError, match="has no latents"):
        latent.checked(type("Lstm", (), {"name": "default"})())


def test_music_of_latents_can_be_written_and_read(tmp_path, engine, places):
    piece = latent.decode(engine, places, Sampling(), 1)
    assert latent.save(tmp_path / "out.mid", places, piece) == "3 x 8 beats"
    assert (read_score(tmp_path / "out.mid") == piece.frames).all()
