#!/usr/bin/env bash
# Ends the Docker engine that up.sh FOLDER started, if it did, and removes FOLDER with its data.
set -euo pipefail
folder=$(readlink -f "${1:?down.sh needs a folder}")
[ -e "$folder/run" ] || exit 0
run=$(cat "$folder/run")
"$(dirname "$0")/second-node.sh" down "$folder/second-node"
if [ -e "$folder/pid" ] && pid=$(cat "$folder/pid") && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
  DOCKER_HOST=unix://$run/docker.sock timeout 30 /usr/bin/docker swarm leave --force >/dev/null 2>&1 || true
  kill "$pid"
  for ((i = 0; i < 300; ++i)); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
  [ ! -e "/proc/$pid" ] || { echo "down.sh: dockerd $pid does not end" >&2; exit 5; }
fi
awk '{print $2}' /proc/self/mounts | grep -e "^$run" -e "^$folder" | sort -r | while read -r mount; do umount "$mount" || true; done || true
# Docker leaves its bridges; those that it made new go with it. Its iptables chains stay, empty of containers.
for bridge in $(cat "$folder/new-bridges" 2>/dev/null); do ip link delete "$bridge" 2>/dev/null || true; done
ip link delete simmer-bed0 2>/dev/null || true
rm -rf "$run" "$folder"
