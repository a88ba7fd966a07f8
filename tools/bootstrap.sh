#!/bin/sh
# Installs the Debian packages that the named parts need and that are missing.
#   tools/bootstrap.sh PART...        parts: see tools/apt-packages.txt
# Without root it prints the exact line for the administrator and goes on with what is there: exit 0 either way.
set -u
here=$(cd "$(dirname "$0")" && pwd)

wanted=
while read -r name parts; do
  case $name in '' | '#'*) continue ;; esac
  for part in ${parts%%#*}; do
    for asked in "$@"; do
      if [ "$part" = "$asked" ]; then wanted="$wanted $name"; fi
    done
  done
done <"$here/apt-packages.txt"

missing=
if command -v dpkg-query >/dev/null 2>&1; then
  for name in $wanted; do
    case " $missing " in *" $name "*) continue ;; esac
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then missing="$missing $name"; fi
  done
else
  echo "bootstrap: this is not Debian; make sure that these packages' contents are here:$wanted" >&2
fi
[ -n "$missing" ] || exit 0

become=
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    become="sudo -n env DEBIAN_FRONTEND=noninteractive"
  else
    become=none
  fi
fi
line="apt-get install -y --no-install-recommends$missing"
if [ "$become" != none ]; then
  echo "bootstrap: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  # An old package list is no reason to stop: the install says what it cannot find.
  $become apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 update >/dev/null ||
    echo "bootstrap: apt-get update failed; going on with the package list that is there" >&2
  if $become apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    install -y --no-install-recommends $missing >/tmp/quantick-apt.$$ 2>&1; then
    rm -f /tmp/quantick-apt.$$
    exit 0
  fi
  tail -n 20 /tmp/quantick-apt.$$ >&2
  rm -f /tmp/quantick-apt.$$
fi
{
  echo "bootstrap: missing packages that could not be installed from here. As administrator:"
  echo
  echo "    apt-get update && $line"
  echo
  echo "bootstrap: going on with what is there"
} >&2
exit 0
