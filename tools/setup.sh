#!/bin/sh
# Sets livegen up in a virtual environment: setup.sh VENV [EXTRAS]. The Makefile calls it.
#
# Makes VENV with the first Python 3.12 to 3.14 or 3.11 that really works, unless it is there, and installs livegen into
# it, editable, with EXTRAS such as "[test]"; adds MIDI ports and the system library PortAudio where that can be done.
set -eu

venv=${1:?usage: setup.sh VENV [EXTRAS]}
extras=${2:-}

say() {
    printf 'livegen: %s\n' "$1" >&2
}

# A pyenv shim may be there and fail, so a Python counts only once it has run.
is_right_version() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

explain_missing_python() {
    if [ -n "$1" ]; then
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "Python $version here cannot make virtual environments; type: sudo apt install python$version-venv"
    elif command -v brew >/dev/null 2>&1; then
        say 'Python 3.11 or later is needed and is not here; type: brew install python@3.12'
    elif command -v uv >/dev/null 2>&1; then
        say 'Python 3.11 or later is needed and is not here; type: uv python install 3.12'
    elif apt-cache show python3.12 >/dev/null 2>&1; then
        say 'Python 3.11 or later is needed and is not here; type: sudo apt install python3.12-venv'
    elif apt-cache show python3.11 >/dev/null 2>&1; then
        say 'Python 3.11 or later is needed and is not here; type: sudo apt install python3.11-venv'
    elif apt-cache show python3.13 >/dev/null 2>&1; then
        say 'Python 3.11 or later is needed and is not here; type: sudo apt install python3.13-venv'
    else
        say 'Python 3.11 or later is needed and is not here; get 3.12 from https://www.python.org/downloads/'
    fi
}

make_venv() {
    lacks_venv=
    # 3.12 and 3.11 first: python-rtmidi has no wheels for later ones.
    for candidate in python3.12 python3.11 python3.13 python3.14 python3 python \
        "${HOME:-}"/.pyenv/versions/3.12.*/bin/python "${HOME:-}"/.pyenv/versions/3.11.*/bin/python \
        /opt/homebrew/bin/python3.12 /opt/homebrew/bin/python3.11 "${HOME:-}"/.local/bin/python3.12; do
        is_right_version "$candidate" || continue
        if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            say "making $venv with $("$candidate" --version)"
            # Only what is a virtual environment already may be emptied: one whose Python went away.
            if [ -f "$venv/pyvenv.cfg" ]; then clear=--clear; else clear=; fi
            "$candidate" -m venv $clear "$venv"
            return
        fi
        lacks_venv=$candidate
    done
    explain_missing_python "$lacks_venv"
    exit 1
}

# sounddevice looks in these two places.
has_portaudio() {
    "$python" -c 'import ctypes.util, importlib.util, sys
sys.exit(not (ctypes.util.find_library("portaudio") or importlib.util.find_spec("_sounddevice_data")))'
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"
}

add_portaudio() {
    line='install PortAudio'
    if command -v apt-get >/dev/null 2>&1; then
        if [ "$(id -u)" = 0 ]; then
            apt_install libportaudio2 || { apt-get update && apt_install libportaudio2; } || true
        fi
        line='sudo apt install libportaudio2'
    elif command -v brew >/dev/null 2>&1; then
        brew install portaudio || true
        line='brew install portaudio'
    elif command -v dnf >/dev/null 2>&1; then
        line='sudo dnf install portaudio'
    elif command -v pacman >/dev/null 2>&1; then
        line='sudo pacman -S portaudio'
    fi
    has_portaudio || say "there is no sound without PortAudio, going on without it; to hear it: $line"
}

# livegen has the MIDI ports of JACK by itself, and all others by python-rtmidi, which from Python 3.13 on is built from
# source. Only trying tells whether it can be.
add_midi() {
    say 'building python-rtmidi, which has no wheel for this Python'
    midi=[midi]
    install_with_uv "$midi" >/dev/null 2>&1 || install_with_pip "$midi" >/dev/null 2>&1 || true
    if has_rtmidi; then return; fi
    line='install a C++ compiler'
    if command -v apt-get >/dev/null 2>&1; then
        line='sudo apt install g++ pkg-config libasound2-dev'
    elif command -v dnf >/dev/null 2>&1; then
        line='sudo dnf install gcc-c++ pkgconf alsa-lib-devel'
    elif command -v pacman >/dev/null 2>&1; then
        line='sudo pacman -S gcc pkgconf alsa-lib'
    elif command -v xcode-select >/dev/null 2>&1; then
        line='xcode-select --install'
    fi
    say "without python-rtmidi there are no MIDI ports but JACK's, going on without it; to have them: $line; \
$python -m pip install python-rtmidi"
}

has_rtmidi() {
    "$python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("rtmidi"))'
}

# What pip is set to use, by a variable such as PIP_INDEX_URL or by a file: uv looks at neither.
pip_setting() {
    eval "value=\${PIP_$(echo "$1" | tr 'a-z-' 'A-Z_'):-}"
    echo "${value:-$("$python" -m pip config get "global.$1" 2>/dev/null || true)}"
}

# Several times as quick as pip. It fails where it does not fit this machine, and then pip does the work.
install_with_uv() (
    wanted=$1
    uv=$(command -v uv || echo "$venv/bin/uv")
    [ -x "$uv" ] || "$python" -m pip install --disable-pip-version-check --quiet uv || return
    index=$(pip_setting index-url)
    set -- --python "$python" --index-strategy unsafe-best-match ${index:+--default-index "$index"}
    for url in $(pip_setting extra-index-url); do set -- "$@" --index "$url"; done
    for place in $(pip_setting find-links); do set -- "$@" --find-links "$place"; done
    certificate=${SSL_CERT_FILE:-$(pip_setting cert)}
    [ -z "$certificate" ] || export SSL_CERT_FILE="$certificate"
    export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true # as pip does; the second is what older versions call it
    "$uv" pip install "$@" --editable ".$wanted"
)

install_with_pip() {
    "$python" -m pip install --disable-pip-version-check --prefer-binary --editable ".$1"
}

python=$venv/bin/python
"$python" -c '' >/dev/null 2>&1 || make_venv
"$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip
say "installing into $venv"
install_with_uv "$extras" || install_with_pip "$extras"
has_rtmidi || add_midi
has_portaudio || add_portaudio
