#!/usr/bin/env bash
# Builds docker/cli's loader, 20.10 and 28, into FOLDER/oracle20 and FOLDER/oracle28. Their modules come through Go's module
# proxy, by the sums that are here. Without a source newer than they are: at once.
#
#   build.sh FOLDER
set -euo pipefail
folder=${1:?build.sh needs a folder}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")"
export GOFLAGS=-mod=readonly GOTOOLCHAIN=local CGO_ENABLED=0
for version in 20:docker20.mod 28:go.mod; do
  program=$folder/oracle${version%%:*}
  if [ -x "$program" ] && [ -z "$(find . -newer "$program" -type f -print -quit)" ]; then continue; fi
  go build -trimpath -modfile="${version#*:}" -o "$program" .
done
