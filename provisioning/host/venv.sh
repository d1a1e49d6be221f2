#!/bin/sh
# venv.sh VENV PYTHON [BUNDLE]: make the Python environment from the lock, with hashes checked.
# The wheels come from the bundle, or the cache that one was imported into, or the package index.
set -eu
venv=$1
python=$2
bundle=${3:-}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Error: $python is older than 3.11" >&2
    echo "Hint: make PYTHON=/path/to/python3.11 …" >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "installing python3-venv, which Debian keeps apart from python3"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv
fi
wheels=$("$python" -S -m lab.bundle wheels ${bundle:+"$bundle"})
echo "python environment: $venv from requirements.lock${wheels:+ and $wheels}"
# What was made elsewhere, before the checkout moved, is made again: its programs name that place.
moved=
if [ -e "$venv/bin/lab" ] && ! grep -qF "$(cd "$venv" && pwd -P)/bin/python" "$venv/bin/lab"; then
    moved=--clear
fi
"$python" -m venv $moved "$venv"
set -- --quiet --disable-pip-version-check
if [ -n "$wheels" ]; then
    # No other place, whatever this computer's pip is set up to ask.
    unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL
    export PIP_CONFIG_FILE=/dev/null
    set -- "$@" --no-index --find-links "$wheels"
fi
"$venv/bin/python" -m pip install "$@" --require-hashes -r requirements.lock
# The lab itself, in place: `lab` and the tests run what is in this checkout.
"$venv/bin/python" -m pip install "$@" --no-deps --no-build-isolation --editable .
touch "$venv/.ready"
