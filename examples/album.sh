#!/bin/sh
# Renders an album: a track for each patch of a list, as sound for listening and as .vgz for a chip music player.
#
#     sh album.sh [FOLDER] [SECONDS]
set -eu

folder=${1:-album}
seconds=${2:-60}
mkdir -p "$folder"
number=0
for patch in overworld dungeon water boss_fight title; do
    number=$((number + 1))
    for ending in flac vgz; do
        # The same seed is the same music, so both files hold the same track.
        livegen render "$folder/0$number-$patch.$ending" --seconds "$seconds" --patch "$patch" --seed "$number"
    done
done
