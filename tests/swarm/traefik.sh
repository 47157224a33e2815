#!/usr/bin/env bash
# A real Traefik in front of the test bed's swarm, as an operator has one.
#
#   traefik.sh up FOLDER [PORT]   a certificate for *.simmer.localhost (and *.s0.simmer.localhost to s7) in FOLDER (wildcard.crt is its own authority), the overlay
#                                 network `proxy`, and Traefik on 127.0.0.1:PORT (18443) as the service simmer-test-traefik; prints the address
#   traefik.sh down               ends both
# Needs the image that tests/images/build.sh traefik makes, and a Docker whose socket is on this machine.
set -euo pipefail
docker=/usr/bin/docker
name=simmer-test-traefik
case "${1-}" in
  up)
    folder=${2:?traefik.sh up needs a folder} port=${3:-18443}
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$folder/wildcard.key" -out "$folder/wildcard.crt" -subj "/CN=*.simmer.localhost" \
      -addext "subjectAltName=DNS:*.simmer.localhost$(printf ',DNS:*.s%s.simmer.localhost' 0 1 2 3 4 5 6 7)" 2>/dev/null
    printf 'tls:\n  certificates: [{certFile: /certs/wildcard.crt, keyFile: /certs/wildcard.key}]\n' >"$folder/dynamic.yml"
    $docker network create -d overlay --attachable proxy >/dev/null
    $docker service create --quiet --detach --name "$name" --network proxy --endpoint-mode dnsrr --publish "mode=host,target=443,published=$port" \
      --constraint "node.id==$($docker info --format '{{.Swarm.NodeID}}')" --mount "type=bind,src=${socket#unix://},dst=/var/run/docker.sock" --mount "type=bind,src=$folder,dst=/certs,ro" \
      "$("$(dirname "$0")/../images/build.sh" traefik)" \
      --providers.swarm.endpoint=unix:///var/run/docker.sock --providers.swarm.network=proxy --providers.swarm.refreshSeconds=1 \
      --providers.swarm.exposedByDefault=false --providers.file.filename=/certs/dynamic.yml --entrypoints.web-secure.address=:443 \
      --entrypoints.web-secure.http.tls=true >/dev/null
    for ((i = 0; i < 300; ++i)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "127.0.0.1:$port"; exit 0; fi
      sleep 0.1
    done
    $docker service ps --no-trunc --format '{{.CurrentState}} {{.Error}}' "$name" >&2
    $docker service logs --tail 5 "$name" >&2 || true
    echo "traefik.sh: Traefik does not listen on port $port within 30 s" >&2
    exit 7
    ;;
  down)
    $docker service rm "$name" >/dev/null 2>&1 || true
    for ((i = 0; i < 300; ++i)); do
      [ -z "$($docker ps -aq --filter "label=com.docker.swarm.service.name=$name")" ] && { $docker network rm proxy >/dev/null 2>&1 || ! $docker network inspect proxy >/dev/null 2>&1; } && exit 0
      sleep 0.1
    done
    echo "traefik.sh: Traefik or its network did not go within 30 s" >&2
    exit 5
    ;;
  *) echo "usage: traefik.sh up FOLDER [PORT] | down" >&2; exit 2 ;;
esac
