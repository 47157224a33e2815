#!/usr/bin/env bash
# Builds the images that the tests deploy, without any registry, and prints their names: build.sh NAME... (busybox, nginx).
# An image is named after the digest of what it is made of: what is there already is not built again. Needs Docker (DOCKER_HOST)
# and, for nginx, debootstrap and Debian's packages; the base file system is kept in build/images.
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

for name in "$@"; do
  case "$name" in
    busybox | nginx) "build_$name" ;;
    *) echo "build.sh: no image '$name'; there are busybox and nginx" >&2; exit 2 ;;
  esac
done
