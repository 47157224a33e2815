#!/usr/bin/env bash
# A registry of images of our own, on 127.0.0.1, as an operator pulls from one.
#
#   registry.sh up FOLDER [PORT]   starts it (Debian's docker-registry), with its data, log and pid in FOLDER; prints its address (127.0.0.1:15000)
#   registry.sh down FOLDER        ends it and removes FOLDER
set -euo pipefail
folder=${2:?registry.sh needs a folder} port=${3:-15000}
case "${1-}" in
  up)
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    cat >"$folder/config.yml" <<CONFIG
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $folder/data}}
http: {addr: "127.0.0.1:$port"}
CONFIG
    setsid /usr/bin/docker-registry serve "$folder/config.yml" >"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    for ((i = 0; i < 100; ++i)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "127.0.0.1:$port"; exit 0; fi
      kill -0 $! 2>/dev/null || break
      sleep 0.1
    done
    tail -n 5 "$folder/log" >&2
    echo "registry.sh: no registry on port $port within 10 s; its log: $folder/log" >&2
    exit 7
    ;;
  down)
    [ -e "$folder/pid" ] || exit 0
    pid=$(cat "$folder/pid")
    if [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -d' ' -f1)" = /usr/bin/docker-registry ]; then
      kill "$pid"
      for ((i = 0; i < 100; ++i)); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
    fi
    rm -rf "$folder"
    ;;
  *) echo "usage: registry.sh up FOLDER [PORT] | down FOLDER" >&2; exit 2 ;;
esac
