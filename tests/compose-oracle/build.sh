#!/usr/bin/env bash
# Builds what judges Simmer's reading into FOLDER: docker/cli's loader, 20.10 and 28 (oracle20, oracle28), and godotenv (env). Their
# modules come through Go's module proxy, by the sums that are here. What was built of the same sources by the same Go stays as it is.
#
#   build.sh FOLDER
set -euo pipefail
folder=${1:?build.sh needs a folder}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")"
go=$(./go.sh)/go
export GOFLAGS='-mod=readonly -trimpath -buildvcs=false' GOTOOLCHAIN=local CGO_ENABLED=0
# build NAME SOURCES MODFILE: the program of that folder, unless FOLDER has it.
build() {
  local program=$folder/$1 of
  of=$({ "$go" version; sha256sum build.sh "$2"/*.go "$3" "${3%.mod}.sum"; } | sha256sum)
  if [ -x "$program" ] && [ "$(cat "$program.of" 2>/dev/null)" = "$of" ]; then return; fi
  local modfile=$PWD/$3
  "$go" build -C "$2" -modfile="$modfile" -o "$program" .
  echo "$of" >"$program.of"
}
build oracle20 . docker20.mod
build oracle28 . go.mod
build env env env/go.mod
