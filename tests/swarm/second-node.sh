#!/usr/bin/env bash
# A second node for the swarm that up.sh started, on the same machine: a Docker of its own in a network namespace of its own.
#
#   second-node.sh up FOLDER IMAGE...   joins it as a worker with these images; prints its DOCKER_HOST
#   second-node.sh down FOLDER          ends it
# Needs root, and the cable that up.sh has laid (10.213.0.1 on this side).
set -euo pipefail
docker=/usr/bin/docker
space=simmer-bed
case "${1-}" in
  up)
    folder=${2:?second-node.sh up needs a folder}
    shift 2
    ip link show simmer-bed1 >/dev/null 2>&1 || { echo "second-node.sh: up.sh has laid no cable: the swarm here is not of its making" >&2; exit 7; }
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    run=$(mktemp -d /tmp/simmer-node-XXXXXX)
    echo "$run" >"$folder/run"
    ip netns add "$space"
    ip link set simmer-bed1 netns "$space"
    ip -n "$space" address add 10.213.0.2/24 dev simmer-bed1
    ip -n "$space" link set lo up
    ip -n "$space" link set simmer-bed1 up
    ip -n "$space" route add default via 10.213.0.1
    # Mounts and cgroups of its own; `ip netns exec` has mounted the sysfs that belongs to the namespace.
    cat >"$folder/start.sh" <<'INNER'
set -e
folder=$1 run=$2
mount --make-rprivate /
# Without a name server to wait for: an image that is here is then used at once.
echo "nameserver 127.0.0.1" >"$run/resolv.conf"
mount --bind "$run/resolv.conf" /etc/resolv.conf
mkdir -p /run/docker
mount -t tmpfs docker /run/docker
if grep -q 'cgroup2 ' /proc/filesystems && [ -z "$(grep -v '^#' /proc/cgroups | awk '$2 != 0')" ]; then
  mount -t cgroup2 cgroup /sys/fs/cgroup
else
  mount -t tmpfs cgroup /sys/fs/cgroup
  for controllers in $(awk -F: '$2 != "" && $2 !~ /name=/ {print $2}' /proc/self/cgroup); do
    mkdir -p "/sys/fs/cgroup/$controllers"
    mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers" || rmdir "/sys/fs/cgroup/$controllers"
  done
fi
exec /usr/sbin/dockerd --data-root "$folder/data" --exec-root "$run/exec" --host "unix://$run/docker.sock" --pidfile "$folder/pid"
INNER
    setsid ip netns exec "$space" unshare -m bash "$folder/start.sh" "$folder" "$run" >"$folder/log" 2>&1 </dev/null &
    own=unix://$run/docker.sock
    for ((i = 0; i < 300; ++i)); do
      if DOCKER_HOST=$own $docker info >/dev/null 2>&1; then break; fi
      if ! kill -0 $! 2>/dev/null; then tail -n 5 "$folder/log" >&2; echo "second-node.sh: dockerd ended; its log: $folder/log" >&2; exit 7; fi
      sleep 0.1
    done
    [ $# -eq 0 ] || $docker save "$@" | DOCKER_HOST=$own $docker load -q >/dev/null
    DOCKER_HOST=$own $docker swarm join --advertise-addr 10.213.0.2 --token "$($docker swarm join-token -q worker)" 10.213.0.1:2377 >/dev/null
    # A node is whole when it has its part of Swarm's own networks.
    for ((i = 0; i < 300; ++i)); do
      if DOCKER_HOST=$own $docker network inspect ingress docker_gwbridge >/dev/null 2>&1; then echo "$own"; exit 0; fi
      sleep 0.1
    done
    echo "second-node.sh: the new node has no ingress network within 30 s; its log: $folder/log" >&2
    exit 7
    ;;
  down)
    folder=${2:?second-node.sh down needs a folder}
    [ -e "$folder/run" ] || exit 0
    folder=$(readlink -f "$folder")
    run=$(cat "$folder/run")
    node=$(DOCKER_HOST=unix://$run/docker.sock timeout 10 $docker info --format '{{.Swarm.NodeID}}' 2>/dev/null || true)
    DOCKER_HOST=unix://$run/docker.sock timeout 30 $docker swarm leave --force >/dev/null 2>&1 || true
    [ -z "$node" ] || timeout 10 $docker node rm --force "$node" >/dev/null 2>&1 || true
    if [ -e "$folder/pid" ] && pid=$(cat "$folder/pid") && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
      kill "$pid"
      for ((i = 0; i < 300; ++i)); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
      [ ! -e "/proc/$pid" ] || { echo "second-node.sh: dockerd $pid does not end" >&2; exit 5; }
    fi
    ip -n "$space" link set simmer-bed1 netns 1 2>/dev/null || true # else the cable would go with the namespace
    ip netns delete "$space" 2>/dev/null || true
    awk '{print $2}' /proc/self/mounts | grep -e "^$run" -e "^$folder" | sort -r | while read -r mount; do umount "$mount" || true; done || true
    rm -rf "$run" "$folder"
    ;;
  *) echo "usage: second-node.sh up FOLDER IMAGE... | down FOLDER" >&2; exit 2 ;;
esac
