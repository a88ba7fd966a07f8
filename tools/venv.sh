#!/bin/sh
# Makes .venv, or another FOLDER, and installs a requirements file into it where one is named.
#   tools/venv.sh [REQUIREMENTS [FOLDER]]
# A stamp holds the checksum of what was installed, so that a second call is instant.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
requirements=${1-}
name=${2-.venv}
venv=$root/$name

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  made=
  # Debian's own interpreter first: it is the one that python3-venv belongs to.
  for python in /usr/bin/python3 python3; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' &&
      rm -rf "$venv" && "$python" -m venv "$venv" >/dev/null 2>&1; then
      made=yes
      break
    fi
  done
  if [ -z "$made" ]; then
    rm -rf "$venv"
    echo "venv: cannot make $name: Python 3.11 or newer with its venv module is needed (Debian: python3-venv)" >&2
    exit 1
  fi
fi

[ -n "$requirements" ] || exit 0
stamp=$venv/installed-$(basename "$requirements" .txt)
sum=$(sha256sum <"$requirements")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then exit 0; fi
echo "venv: installing $(basename "$requirements") into $name"
# peewee, which empyrical-reloaded wants, has no wheel of the version it accepts; multitasking, which yfinance under
# quantstats wants, has none at all.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-binary peewee,multitasking -r "$requirements" || {
  echo "venv: the packages of $(basename "$requirements") could not be installed (is the package index reachable?)" >&2
  exit 1
}
echo "$sum" >"$stamp"
