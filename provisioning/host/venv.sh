#!/bin/sh
# venv.sh VENV PYTHON: make the Python environment from the lock, with hashes checked.
set -eu
venv=$1
python=$2

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
echo "python environment: $venv from requirements.lock"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements.lock
# The lab itself, in place: `lab` and the tests run what is in this checkout.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable .
touch "$venv/.ready"
