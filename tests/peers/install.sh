#!/usr/bin/env bash
# Installs the published clients into var/peers: a virtual environment and a node_modules.
# Quick when nothing changed: a stamp holds the hash of what was installed.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
peers="$root/var/peers"
python="${PYTHON:-python3}"

digest() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

fresh() { [[ -f "$1" && "$(cat "$1")" == "$2" ]]; }

mkdir -p "$peers"

wanted="$(digest "$here/python/requirements.txt")"
if ! fresh "$peers/venv/.installed" "$wanted"; then
  rm -rf "$peers/venv"
  "$python" -m venv "$peers/venv"
  "$peers/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --requirement "$here/python/requirements.txt"
  printf '%s\n' "$wanted" > "$peers/venv/.installed"
fi

sources=("$here/node/package.json" "$here/node/package-lock.json" "$here/node/.npmrc")
wanted="$(digest "${sources[@]}" "$here/node/types-only/package.json")"
if ! fresh "$peers/node/.installed" "$wanted"; then
  rm -rf "$peers/node"
  mkdir -p "$peers/node"
  cp -R "${sources[@]}" "$here/node/types-only" "$peers/node/"
  # No scripts of packages run: none of the clients needs one.
  npm ci --prefix "$peers/node" --ignore-scripts --no-audit --no-fund --loglevel=error
  printf '%s\n' "$wanted" > "$peers/node/.installed"
fi
