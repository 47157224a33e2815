#!/usr/bin/env bash
# Proves that the test recipes do what README.md says: check.sh [custom-html | notes | repositories]...
#
# A bad head that fails for another reason than its own would make the tests built on it worthless, green ones too.
# So every head is run here as its x-simmer-local section says, by the few lines below instead of Simmer's engine:
# what is checked must not depend on what it is made to check. Real nginx, real MariaDB, ports of 127.0.0.1, less
# than a minute. Prints one line for each check; exit 1 when one failed. Without nginx or mariadbd their part is skipped.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
chmod 755 "$scratch"  # an ordinary user may have to read the recipes in it
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C
PATH=$PATH:/usr/sbin
leader= run=$scratch/run volume=$scratch/volume as=() failures=0

# --- one service as a process -------------------------------------------------------------------------------------

# TEXT on standard input, with ${…} as the engine expands it.
expand() {
  sed -e "s|\${PORT}|$port|g" -e "s|\${RUN_DIR}|$run|g" -e "s|\${RECIPE_DIR}|$recipe_dir|g" -e "s|\${VOLUME_[a-z]*}|$volume|g" \
    -e "s|\${SECRET_[a-z_]*_FILE}|$scratch/secret|g"
}

# The lines of KEY (command, environment, files) in the recipe's only x-simmer-local section.
section() {
  awk -v key="$1:" '/^    x-simmer-local:/ {inside = 1; next} inside && /^    [^ ]|^[^ ]/ {inside = 0}
                    inside && /^      [^ ]/ {wanted = ($1 == key); if (wanted && NF > 1) {sub(/^ *[a-z]*: */, ""); print}; next}
                    inside && wanted && NF {sub(/^ */, ""); print}' "$recipe_dir/compose.yml"
}

# Starts RECIPE at REF on the volume as it is, on a port outside those that the engine hands out.
start() {
  stop
  recipe_dir=$scratch/checkout
  while port=$((12000 + RANDOM % 8000)) && { : <>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; do :; done
  rm -rf "$recipe_dir" "$run"
  mkdir -p "$recipe_dir" "$run" "$volume"
  git -C "$scratch/out/$1" archive "$2" | tar -x -C "$recipe_dir"
  environment=(PATH="$PATH" HOME="$run" LANG=C.UTF-8)
  local line name command
  while read -r line; do
    environment+=("${line%%:*}=$(sed 's/^[^:]*: *//; s/^"//; s/"$//' <<<"$line" | expand)")
  done < <(section environment)
  while read -r name line; do expand <"$recipe_dir/$line" >"$run/${name%:}"; done < <(section files)
  IFS=$'\n' read -r -d '' -a command < <(section command | sed 's/^\["//; s/"\]$//; s/", "/\n/g' | expand; printf '\0')
  if [ ${#as[@]} -gt 0 ]; then chown -R nobody "$run" "$volume"; fi
  started=$EPOCHREALTIME
  (cd "$run" && exec env -i "${environment[@]}" "${as[@]}" setsid "${command[@]}" </dev/null >"$scratch/service.log" 2>&1) &
  leader=$!
}

lives() { kill -0 "$leader" 2>/dev/null; }
reap() { wait "$leader" 2>/dev/null; }

# Has the service ended within SECONDS?
ends_within() {
  local deadline=$((SECONDS + $1 + 1))
  while lives; do
    if [ $SECONDS -ge $deadline ]; then return 1; fi
    sleep 0.01
  done
}

# Ends the service and all that it started.
stop() {
  [ -n "$leader" ] || return 0
  kill -TERM "$leader" 2>/dev/null || true
  ends_within 5 || true
  kill -KILL -- "-$leader" 2>/dev/null || true
  reap || true
  if [ -s "$run/nginx.pid" ]; then kill -TERM "$(cat "$run/nginx.pid")" 2>/dev/null || true; fi  # it may have left our session
  leader=
}

seconds_since_start() { awk "BEGIN {print $EPOCHREALTIME - $started}"; }

# Until CONDITION... succeeds; fails after 30 seconds, or when the service has ended.
wait_until() {
  local deadline=$((SECONDS + 30))
  until "$@"; do
    if ! lives || [ $SECONDS -ge $deadline ]; then return 1; fi
    sleep 0.01
  done
}

# Does the service end by itself, with this CODE?
exits_with() {
  local code=0
  ends_within 5 || return 1
  reap || code=$?
  leader=
  [ "$code" -eq "$1" ]
}

# GET PATH: status and body of the answer; fails when nobody listens.
get() {
  local answer
  { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.0\r\nHost: test\r\n\r\n' "$1" >&3
  answer=$(cat <&3)
  exec 3>&-
  status=${answer#* } status=${status%% *}
  head=${answer%%$'\r\n\r\n'*} body=${answer#*$'\r\n\r\n'}
}

answers() { get "$1" && [ "$status" = "$2" ]; }
serves() { answers "$1" 200 && [ "$body" = "$2" ]; }
healthy() { answers / 200 && [ "$body" = "$(cat "$volume/index.html")" ]; }
up() { get /; }

check() {  # WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then
    echo "ok      $what"
  else
    echo "FAILED  $what"
    tail -q -n 5 "$scratch/service.log" "$scratch/log" | sed 's/^/        /'
    failures=$((failures + 1))
  fi
  : >"$scratch/log"
}
not() { ! "$@"; }
ends_healthy() { wait_until healthy; }

trap 'stop; rm -rf "$scratch"' EXIT

# --- repositories -------------------------------------------------------------------------------------------------

refs() { git -C "$1" for-each-ref --format='%(objectname) %(objecttype) %(refname)'; }
label() { git -C "$1" show "$2:compose.yml" | sed -n 's/.*coop-cloud.${STACK_NAME}.version=\([^"]*\)".*/\1/p'; }

releases_are_labelled() {  # REPOSITORY
  local tag
  while read -r tag; do
    [ "$(git -C "$1" cat-file -t "refs/tags/$tag")" = tag ] && [ "$(label "$1" "$tag")" = "$tag" ] || return 1
  done < <(git -C "$1" tag --list '*+*')
}

heads_are_one_commit_on_top() {  # REPOSITORY
  local branch
  while read -r branch; do
    [ "$branch" = main ] || [ "$(git -C "$1" rev-parse "$branch^")" = "$(git -C "$1" rev-parse main)" ] || return 1
    [ "$(label "$1" "$branch")" = "$(label "$1" main)" ] || return 1
  done < <(git -C "$1" for-each-ref --format='%(refname:short)' refs/heads)
}

check_repositories() {
  local repository
  "$here/build.sh" "$scratch/again"
  for repository in custom-html notes plain no-tags; do
    check "$repository: the same sources make the same commits" [ "$(refs "$scratch/out/$repository")" = "$(refs "$scratch/again/$repository")" ]
    check "$repository: releases are annotated tags that match their label" releases_are_labelled "$scratch/out/$repository"
    check "$repository: heads are one commit on top of the newest release, with its label" heads_are_one_commit_on_top "$scratch/out/$repository"
  done
  check "no-tags has none" [ -z "$(git -C "$scratch/out/no-tags" tag)" ]
  check "not-a-repo is none" not git -C "$scratch/out/not-a-repo" rev-parse --is-inside-work-tree 2>"$scratch/log"
  check "build.sh overwrites nothing" not "$here/build.sh" "$scratch/again" 2>"$scratch/log"

  repository=$scratch/again/custom-html
  "$here/publish.sh" "$repository" bad/serves-500 2.0.0+1.24.0 "Needs a manual migration." >"$scratch/commit"
  check "publish.sh tags the new release" [ "$(git -C "$repository" rev-parse '2.0.0+1.24.0^{commit}')" = "$(cat "$scratch/commit")" ]
  check "publish.sh raises the label" [ "$(label "$repository" main)" = 2.0.0+1.24.0 ]
  check "publish.sh writes the notes" [ "$(git -C "$repository" show main:release/2.0.0+1.24.0)" = "Needs a manual migration." ]
  check "publish.sh leaves a clean working tree" [ -z "$(git -C "$repository" status --short)" ]
}

# --- custom-html --------------------------------------------------------------------------------------------------

new_volume() { stop && rm -rf "$volume" && mkdir "$volume"; }
old_volume() { new_volume && cp -a "$scratch/volume-1.0.0/." "$volume"; }
survives() { serves /simmer-old.html "an old page" && serves /simmer-old/page.html "another"; }
becomes_ill() { wait_until answers / 500 && lives; }
took_its_time() { awk "BEGIN {exit !($(seconds_since_start) > 0.7)}"; }

# It becomes healthy on a new volume and on one of the first release.
good_on_both() {  # REF
  new_volume && start custom-html "$1" && ends_healthy && old_volume && start custom-html "$1" && ends_healthy
}

check_custom_html() {
  local ref
  new_volume
  start custom-html 1.0.0+1.22.0
  check "custom-html 1.0.0: healthy on an empty volume" ends_healthy
  mkdir "$volume/simmer-old"
  printf 'an old page' >"$volume/simmer-old.html"
  printf 'another' >"$volume/simmer-old/page.html"
  stop
  cp -a "$volume" "$scratch/volume-1.0.0"
  for ref in 1.1.0+1.22.1 1.2.0+1.22.1 1.3.0+1.22.1 good good-next; do
    check "custom-html $ref: healthy on new and on old data" good_on_both "$ref"
    check "custom-html $ref: old pages are there" survives
    check "custom-html $ref: a missing page is 404" answers /missing 404
    check "custom-html $ref: HTML, with a date" grep -q -z 'Content-Type: text/html.*Last-Modified:\|Last-Modified:.*Content-Type: text/html' <<<"$(get / && echo "$head")"
    check "custom-html $ref: the schema marker is not served" answers /.schema 404
  done

  check "bad/does-not-parse: the brackets do not match" [ "$(git -C "$scratch/out/custom-html" show bad/does-not-parse:compose.yml | tr -dc '[' | wc -c)" -ne \
    "$(git -C "$scratch/out/custom-html" show bad/does-not-parse:compose.yml | tr -dc ']' | wc -c)" ]
  old_volume; start custom-html bad/does-not-start
  check "bad/does-not-start: exits with 1" exits_with 1
  old_volume; start custom-html bad/crash-loops
  check "bad/crash-loops: serves for a moment" wait_until up
  check "bad/crash-loops: exits with 1" exits_with 1
  start custom-html bad/crash-loops
  check "bad/crash-loops: again" exits_with 1
  old_volume; start custom-html bad/hangs-while-starting
  check "bad/hangs-while-starting: never listens" not ends_within 1
  check "bad/hangs-while-starting: nobody answers, but it lives" eval 'lives && ! up'
  old_volume; start custom-html bad/serves-500
  check "bad/serves-500: / is 500" wait_until answers / 500
  old_volume; start custom-html bad/wrong-page
  check "bad/wrong-page: / is 200" wait_until answers / 200
  check "bad/wrong-page: but not the volume's page" not healthy
  check "bad/wrong-page: other pages are right" survives
  old_volume; start custom-html bad/turns-unhealthy
  check "bad/turns-unhealthy: healthy at first" ends_healthy
  check "bad/turns-unhealthy: then 500, and it lives" becomes_ill
  check "bad/turns-unhealthy: not at once" took_its_time
  old_volume; start custom-html bad/loses-data
  check "bad/loses-data: healthy on old data" ends_healthy
  check "bad/loses-data: whose pages are gone" answers /simmer-old.html 404
  new_volume; start custom-html bad/loses-data
  check "bad/loses-data: healthy on a new volume" ends_healthy
  printf 'a new page' >"$volume/simmer-new.html"
  start custom-html bad/loses-data; wait_until up || true
  check "bad/loses-data: whose pages survive a restart" serves /simmer-new.html "a new page"
  new_volume; start custom-html bad/no-fresh-install
  check "bad/no-fresh-install: exits with 1 on an empty volume" exits_with 1
  old_volume; start custom-html bad/no-fresh-install
  check "bad/no-fresh-install: healthy on old data" ends_healthy
  check "bad/empty-backup: healthy" good_on_both bad/empty-backup
  check "bad/empty-backup: what is backed up holds no page" [ "$(ls "$volume/exports")" = README.txt ]
  check "bad/backs-up-nothing: healthy" good_on_both bad/backs-up-nothing
  check "bad/backs-up-nothing: what is backed up is not there" [ ! -e "$volume/pages" ]
  check "bad/fails-custom-check: healthy" good_on_both bad/fails-custom-check
  check "bad/fails-custom-check: a missing page is 200" answers /missing 200
  new_volume; start custom-html bad/ignores-sigterm
  check "bad/ignores-sigterm: healthy" ends_healthy
  kill -TERM -- "-$leader"
  check "bad/ignores-sigterm: lives on after SIGTERM" not ends_within 1
  check "bad/ignores-sigterm: and serves" healthy
  kill -KILL "$leader"; reap || true
  for ref in $(git -C "$scratch/out/custom-html" for-each-ref --format='%(refname:short)' 'refs/heads/bad/policy-*'); do
    check "$ref: healthy, if it is let" good_on_both "$ref"
  done
  as_somebody_else "custom-html 1.3.0" start custom-html 1.3.0+1.22.1
  check "custom-html 1.3.0: healthy as an ordinary user" ends_healthy
  stop; as=()
}

# The next start is an ordinary user's, on an empty volume; without root it is one already.
as_somebody_else() {
  new_volume
  if [ "$(id -u)" -eq 0 ]; then as=(setpriv --reuid nobody --regid nogroup --clear-groups --); fi
  "${@:2}"
}

# --- notes --------------------------------------------------------------------------------------------------------

db() { (cd "$run" && env -i "${environment[@]}" "${as[@]}" "$recipe_dir/scripts/db.sh" "$@" >>"$scratch/log" 2>&1); }

check_notes() {
  echo "a 'quoted\\ pass\"word" >"$scratch/secret"
  new_volume
  start notes 1.0.0+10.11.6
  check "notes 1.0.0: healthy on an empty volume" wait_until db ping
  check "notes: seeds" db seed abc
  check "notes: seeds again" db seed abc
  check "notes: verifies" db verify abc
  check "notes: and not what was never written" not db verify abd
  check "notes: dumps" db dump
  check "notes: wipes" db wipe
  check "notes: and notices" not db verify abc
  check "notes: loads" db load
  check "notes: and has all rows back" db verify abc
  stop
  cp -a "$volume" "$scratch/database-1.0.0"
  for ref in 1.1.0+10.11.6 good; do
    start notes "$ref"
    check "notes $ref: healthy on older data" wait_until db ping
    check "notes $ref: with its rows" db verify abc
  done
  new_volume; cp -a "$scratch/database-1.0.0/." "$volume"
  start notes bad/drops-table
  check "bad/drops-table: healthy on older data" wait_until db ping
  check "bad/drops-table: without its rows" not db verify abc
  new_volume; start notes bad/drops-table
  check "bad/drops-table: healthy on an empty volume" wait_until db ping
  check "bad/drops-table: seeds" db seed new
  start notes bad/drops-table; wait_until db ping || true
  check "bad/drops-table: a fresh install keeps its rows over a restart" db verify new
  as_somebody_else "notes 1.1.0" start notes 1.1.0+10.11.6
  check "notes 1.1.0: healthy as an ordinary user" wait_until db ping
  check "notes 1.1.0: seeds" db seed killed
  kill -KILL "$leader"; reap || true; leader=
  start notes 1.1.0+10.11.6; wait_until db ping || true
  check "notes 1.1.0: rows survive a kill" db verify killed
  stop; as=()
  echo "another password" >"$scratch/secret"
  start notes 1.1.0+10.11.6
  check "notes: another secret is no healthy database" not eval 'ends_within 2 || db ping'
  stop
}

# --- all of it ----------------------------------------------------------------------------------------------------

umask 022
touch "$scratch/log" "$scratch/service.log"
"$here/build.sh" "$scratch/out"
for part in "${@:-repositories custom-html notes}"; do
  for name in $part; do
    case $name in
      repositories) check_repositories ;;
      custom-html) if command -v nginx >/dev/null; then check_custom_html; else echo "skipped custom-html: no nginx here"; fi ;;
      notes) if command -v mariadbd >/dev/null; then check_notes; else echo "skipped notes: no mariadbd here"; fi ;;
      *) echo "check.sh: unknown part '$name'; there are repositories, custom-html and notes" >&2; exit 2 ;;
    esac
  done
done
echo "$failures failed"
[ "$failures" -eq 0 ]
