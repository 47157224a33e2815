#!/usr/bin/env bash
# Builds and tests Simmer. Installs what is missing (root or sudo). Without an argument: the default suite.
#
#   ./test.sh            the default suite
#   ./test.sh e2e        the built program on real apps
#   ./test.sh faults     Simmer killed at every journal write; faults of disks
#   ./test.sh swarm      the engines on a real Docker Swarm with a real Traefik; starts a Docker of its own if none answers (root).
#                        abra's part runs against a stand-in, or against the abra that SIMMER_TEST_ABRA names
#   ./test.sh swarm-bench  what a quick run costs there, printed
#   ./test.sh bench      measurements, printed as ratios and durations
#   ./test.sh asan|tsan  the tests of the parts under sanitizers; tsan: of those that have threads
#
#   ./test.sh --build SUITE   builds what SUITE tests with, and ends: what a later ./test.sh SUITE then finds done
set -euo pipefail
cd "$(dirname "$0")"
build_only=
if [ "${1:-}" = --build ]; then build_only=yes; shift; fi
suite=${1:-default}
preset=ci filter=(-LE 'faults|bench|slow|swarm') setup=() target=all
case "$suite" in
  default) setup=(--with-go) ;;
  e2e) filter=(-L e2e) ;;
  faults) filter=(-L faults --verbose) ;; # how often it was killed, and where
  bench) preset=release target=bench filter=(-L '^bench$' --verbose) ;; # not swarm-bench
  # Real time and a real Docker on a busy machine: a test may try twice.
  swarm) setup=(--with-docker) ;;
  swarm-bench) preset=release target=swarm_bench setup=(--with-docker) ;;
  asan) preset=asan setup=(--with-go) ;;
  tsan) preset=tsan ;;
  *) echo "test.sh: no suite '$suite'; there are default, e2e, faults, swarm, swarm-bench, bench, asan and tsan" >&2; exit 2 ;;
esac
[ $# -le 1 ] || { echo "test.sh: one suite at a time" >&2; exit 2; }

./setup.sh "${setup[@]}"
export SIMMER_TEST_SUITE=$suite
unset "${!SIMMER_CRASH@}" SIMMER_CONFIG SIMMER_STATE SIMMER_ENGINE SIMMER_RECIPES SIMMER_PLUGIN_PATH SIMMER_JSON
case "$suite" in
  asan) export SIMMER_DIFFERENTIAL_CASES=${SIMMER_DIFFERENTIAL_CASES:-600} # a tenth: what they say is the default suite's to count
    export ASAN_OPTIONS=handle_segv=0:detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0 ;;
  tsan) export TSAN_OPTIONS=halt_on_error=1 ;;
esac
mkdir -p build
log=build/$suite-build.log
echo "test.sh: building the preset $preset (log: $log)"
{ cmake --preset "$preset" -DBUILD_TESTING=ON && cmake --build --preset "$preset" --target "$target"; } >"$log" 2>&1 || { grep -E 'error|FAILED' "$log" | head -n 30 >&2; tail -n 15 "$log" >&2; exit 1; }
# Most tests wait more than they compute.
jobs=$((2 * $(nproc)))
[ -z "$build_only" ] || exit 0
run_tests() { ctest --test-dir "build/$preset" --output-on-failure --no-tests=error "$@"; }
case "$suite" in
  swarm*)
    bed=$PWD/build/swarm-bed
    clean_up() {
      local failed=0
      tests/swarm/traefik.sh down || failed=1
      tests/swarm/down.sh "$bed" || failed=1
      tests/swarm/registry.sh down "$bed-registry" || failed=1
      return $failed
    }
    trap clean_up EXIT
    DOCKER_HOST=$(tests/swarm/up.sh "$bed")
    export DOCKER_HOST
    [ ! -e "$bed/tls" ] || export SIMMER_TEST_TLS=$bed/tls
    SIMMER_TEST_REGISTRY=$(tests/swarm/registry.sh up "$bed-registry")
    export SIMMER_TEST_REGISTRY
    tests/images/build.sh nginx mariadb traefik >/dev/null
    SIMMER_TEST_IMAGE=$(tests/images/build.sh busybox)
    export SIMMER_TEST_IMAGE
    if [ "$suite" = swarm-bench ]; then
      run_tests --verbose -L swarm-bench
      exit
    fi
    export SIMMER_KILLS=${SIMMER_KILLS:-16} SIMMER_QUICK_KILLS=${SIMMER_QUICK_KILLS:-8} # 50 take five minutes
    # Those of one contract do not see each other; the stories look at all there is. Real time on a busy machine: a test may try twice.
    run_tests -L 'swarm-contract' -j 4 --repeat until-pass:2
    run_tests -L 'swarm-abra' -j 4 --repeat until-pass:2
    tests/swarm/traefik.sh up "$bed-traefik" >/dev/null 2>&1
    export SIMMER_TEST_CA=$bed-traefik/wildcard.crt
    run_tests -L 'swarm-story' -j 6 --repeat until-pass:2
    run_tests -L 'swarm-kill' -j 1 --verbose # how often it was killed, and when
    if [ -e "$bed/run" ]; then
      SIMMER_TEST_SECOND_NODE=$(tests/swarm/second-node.sh up "$bed/second-node" "$SIMMER_TEST_IMAGE" nginx:1.22.0 nginx:1.22.1)
      export SIMMER_TEST_SECOND_NODE
    fi
    run_tests -L 'swarm-nodes' -j 1 --repeat until-pass:2
    ;;
  default | asan)
    tests/compose-oracle/build.sh build/compose-oracle >"build/$suite-oracles.log" 2>&1 || { tail -n 15 "build/$suite-oracles.log" >&2; exit 1; }
    export SIMMER_TEST_COMPOSE_ORACLES=$PWD/build/compose-oracle
    run_tests -j "$jobs" "${filter[@]}"
    grep -h '^differential[:,]' "build/$preset/Testing/Temporary/LastTest.log" # how much was compared; nothing: red
    ;;
  *) run_tests -j "$jobs" "${filter[@]}" ;;
esac
