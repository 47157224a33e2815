#!/usr/bin/env bash
# The story of Simmer in one command, on this machine, with a real nginx: a recipe is tested cold, kept data-warm,
# a good change passes quickly, a bad one fails without a byte of the known-good being lost.
# Everything it makes is below build/. Exit 0: the story went as told.
set -euo pipefail
cd "$(dirname "$0")"
if [ $# -gt 0 ]; then echo "demo.sh: unknown argument '$1'; it takes none" >&2; exit 2; fi

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
tell() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
die() { printf '\ndemo.sh: %s\n' "$*" >&2; exit 1; }

./setup.sh
tell "Building Simmer (the first time takes some minutes) ..."
build_log=build/demo-build.log
mkdir -p build
{ cmake --preset release -DBUILD_TESTING=OFF && cmake --build --preset release; } >"$build_log" 2>&1 || { tail -n 30 "$build_log" >&2; die "the build failed; the whole log: $build_log"; }

work=build/demo
simmer=build/release/bin/simmer
export SIMMER_STATE="$PWD/$work/state" SIMMER_RECIPES="$PWD/$work/recipes"
unset SIMMER_ENGINE SIMMER_PLUGIN_PATH SIMMER_JSON SIMMER_BASE_DOMAIN SIMMER_WAIT
if [ -e "$work" ]; then
  # An earlier demo that was interrupted may have left an app running: end it before its folder goes.
  [ ! -d "$SIMMER_STATE" ] || SIMMER_CONFIG='' "$simmer" recover >/dev/null
  rm -rf "$work"
fi
mkdir -p "$work"
tests/recipes/build.sh "$work/recipes" >/dev/null
# Healthy means steady for a window; the default of 2 s would be most of this demo.
printf 'health: {window: 500ms}\n' >"$work/config.yml"
export SIMMER_CONFIG="$PWD/$work/config.yml"

# expect CODE COMMAND...: shows the command, runs it, and holds it to its exit code.
expect() {
  local wanted=$1 code=0
  shift
  printf '\n$ simmer %s\n' "$*"
  "$simmer" "$@" || code=$?
  [ "$code" -eq "$wanted" ] || die "simmer $* ended with exit code $code, expected $wanted"
}
known_good() { (cd "$SIMMER_STATE/canonical/custom-html" && find canonical.json snapshot -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16); }

tell "1. A recipe is a git repository. This is what Simmer understands of it:"
expect 0 recipe show custom-html

tell "2. A cold run of the newest release: installed from nothing, backed up, damaged, restored, upgraded from the release
   before it, every trace removed. It is green, so its data becomes the known-good and is kept warm:"
expect 0 canonical seed custom-html
expect 0 canonical list
before=$(known_good)

tell "3. A maintainer proposes a good change. A quick run tries it on a copy of the warm data:"
expect 0 run custom-html --quick --ref good

tell "4. A bad change: its migration deletes pages. The upgrade tier finds the marker records missing. Red, as it should be:"
expect 1 run custom-html --quick --ref bad/loses-data

tell "5. And one that cannot even start:"
expect 1 run custom-html --quick --ref bad/does-not-start

tell "6. The known-good has not moved by a byte:"
after=$(known_good)
printf '   before %s\n   after  %s\n' "$before" "$after"
[ "$before" = "$after" ] || die "the known-good has changed"
expect 0 canonical verify custom-html

tell "7. So the next good change is green again:"
expect 0 run custom-html --quick --ref good-next

tell "8. Nothing is left running or lying about:"
expect 0 status
left=$(pgrep -f "$SIMMER_STATE" || true)
[ -z "$left" ] || die "processes are still running: $left"
[ -z "$(ls -A "$SIMMER_STATE/forks")" ] || die "a fork is left in $SIMMER_STATE/forks"
printf '   no process, no fork, no deployment\n'

tell "That is the story. Try it yourself: $simmer --state $work/state --recipes $work/recipes run custom-html --ref bad/serves-500"
