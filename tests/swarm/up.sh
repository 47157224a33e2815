#!/usr/bin/env bash
# Makes sure that there is a Docker Swarm to test on, and prints its DOCKER_HOST.
#
#   up.sh FOLDER
#
# A manager that answers at DOCKER_HOST (or the default socket) is used as it is. Else an engine of our own is started: its
# data, socket, log and pid are in FOLDER, and down.sh FOLDER ends it. Nothing else is ever started or stopped. Needs root.
set -euo pipefail
folder=${1:?up.sh needs a folder}
docker=/usr/bin/docker # a client without an engine may come first in PATH
given=${DOCKER_HOST:-unix:///var/run/docker.sock}
is_manager() { [ "$(DOCKER_HOST=$1 $docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null)" = true ]; }

if is_manager "$given"; then
  echo "$given"
  exit 0
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
# A socket's path may have 107 characters.
run=$(mktemp -d /tmp/simmer-swarm-XXXXXX)
echo "$run" >"$folder/run"
for bridge in docker0 docker_gwbridge; do [ -e "/sys/class/net/$bridge" ] || echo "$bridge"; done >"$folder/new-bridges"
own=unix://$run/docker.sock
# An address that a second node can reach as well: one end of a cable whose other end waits for it (second-node.sh).
ip link add simmer-bed0 type veth peer name simmer-bed1
ip address add 10.213.0.1/24 dev simmer-bed0
ip link set simmer-bed0 up
# It is reached over TCP with TLS as well, at 127.0.0.1:22376, by who has the keys in FOLDER/tls.
mkdir -p "$folder/tls"
(
  cd "$folder/tls"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca-key.pem -out ca.pem -subj "/CN=simmer test bed"
  for who in server client; do
    openssl req -newkey rsa:2048 -nodes -keyout "$who-key.pem" -out "$who.csr" -subj "/CN=$who"
    openssl x509 -req -days 2 -in "$who.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out "$who.pem" -extfile <(echo "subjectAltName=IP:127.0.0.1")
  done
  mv client.pem cert.pem
  mv client-key.pem key.pem
) >/dev/null 2>&1
setsid /usr/sbin/dockerd --tlsverify --tlscacert "$folder/tls/ca.pem" --tlscert "$folder/tls/server.pem" --tlskey "$folder/tls/server-key.pem" --host tcp://127.0.0.1:22376 \
  --data-root "$folder/data" --exec-root "$run/exec" --host "$own" --pidfile "$folder/pid" >"$folder/log" 2>&1 </dev/null &
for ((i = 0; i < 300; ++i)); do
  if DOCKER_HOST=$own $docker info >/dev/null 2>&1; then break; fi
  if ! kill -0 $! 2>/dev/null; then tail -n 5 "$folder/log" >&2; echo "up.sh: dockerd ended; its log: $folder/log" >&2; exit 7; fi
  sleep 0.1
done
DOCKER_HOST=$own $docker swarm init --advertise-addr 10.213.0.1 >/dev/null
is_manager "$own" || { echo "up.sh: no swarm within 30 s; its log: $folder/log" >&2; exit 7; }
echo "$own"
