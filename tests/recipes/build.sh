#!/usr/bin/env bash
# Builds the test recipes as real git repositories: build.sh OUT
#
# OUT/<recipe>/ is a repository with the shape of a published Co-op Cloud recipe: annotated version tags on
# `main`, and one branch per head that Simmer must judge (README.md beside this file says what each is for).
# The same sources always give the same commits, on every machine: author, dates and git's settings are fixed,
# so that a test may compare commits and a rebuilt recipe matches what an earlier run recorded.
#
# <recipe>/base/               the first commit, as a tree
# <recipe>/releases/NN-<version>.patch, <recipe>/heads/<branch>.patch
#                              what the next release or the branch changes; the text above the diff is the commit message
# Needs git alone, and no network.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: build.sh OUT (a folder; recipes already in it are an error)" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)

# Nothing of the caller's git may show in what is built, and nothing of the caller's repository be touched.
unset "${!GIT_@}"
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C TZ=UTC
export GIT_AUTHOR_NAME="Recipe Author" GIT_AUTHOR_EMAIL=author@example.org
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
clock=1767348000  # 2026-01-02 10:00 UTC; each commit is a day later than the one before

next_day() {
  clock=$((clock + 86400))
  export GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0000"
}

new_repository() {  # RECIPE: an empty repository, and the working folder for what follows
  [ ! -e "$out/$1" ] || { echo "build.sh: $out/$1 exists already; remove it, or build somewhere else" >&2; exit 2; }
  git init --quiet --template= --initial-branch=main "$out/$1"
  cd "$out/$1"
  git config core.autocrlf false
  git config core.filemode true
  git config gc.auto 0
  git config core.fsync none  # made in a moment, remade in a moment
}

commit_tree_of() {  # FOLDER MESSAGE
  cp -r "$1/." .
  next_day
  git add --all
  git commit --quiet --message "$2"
}

commit_patch() {  # FILE
  git apply --index --whitespace=nowarn "$1" || { echo "build.sh: $1 does not apply to what it is based on" >&2; exit 1; }
  next_day
  sed '/^diff --git /,$d' "$1" | git commit --quiet --file -
}

release() {  # VERSION
  git tag --annotate --message "$1" "$1"
}

commit_releases() {  # FOLDER: every release after the first, in order
  local patch version
  for patch in "$1"/releases/*.patch; do
    version=$(basename "$patch" .patch)
    commit_patch "$patch"
    release "${version#*-}"
  done
}

commit_heads() {  # FOLDER: every branch, each on top of the newest release
  local patch branch
  while read -r patch; do
    branch=${patch#"$1/heads/"}
    git checkout --quiet -b "${branch%.patch}" main
    commit_patch "$patch"
  done < <(find "$1/heads" -name '*.patch' | sort)
  git checkout --quiet main
}

build_custom_html() {
  new_repository custom-html
  commit_tree_of "$here/custom-html/base" "custom-html: pages of your own, served by nginx"
  git tag before-the-first-release  # not a version, and lightweight: recipes do have such tags
  release 1.0.0+1.22.0
  commit_releases "$here/custom-html"
  commit_heads "$here/custom-html"
}

build_notes() {
  new_repository notes
  commit_tree_of "$here/notes/base" "notes: rows in a MariaDB"
  release 1.0.0+10.11.6
  commit_releases "$here/notes"
  commit_heads "$here/notes"
}

build_plain() {
  new_repository plain
  commit_tree_of "$here/plain/base" "plain: one page, no data"
  release 1.0.0+1.22.0
  commit_releases "$here/plain"
}

build_oddities() {
  new_repository no-tags
  commit_tree_of "$here/plain/base" "A recipe that was never released"
  [ ! -e "$out/not-a-repo" ] || { echo "build.sh: $out/not-a-repo exists already" >&2; exit 2; }
  cp -r "$here/plain/base" "$out/not-a-repo"
}

build_custom_html
build_notes
build_plain
build_oddities
