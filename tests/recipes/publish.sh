#!/usr/bin/env bash
# Makes a release out of a branch: publish.sh REPOSITORY BRANCH VERSION [NOTES]
#
# Does what a maintainer does: raises the version label, writes release/VERSION when there are notes, commits on
# top of BRANCH, tags the commit (annotated) and moves main there. So a test can publish a bad release, one with a
# manual step in its notes, or a new major version, and see what Simmer does about it.
# The repository may be bare; a working tree that stands on main goes along, unless that would lose local changes.
# Prints the new commit.
# Like build.sh, it makes the same commit from the same state.
set -euo pipefail

[ $# -eq 3 ] || [ $# -eq 4 ] || { echo "usage: publish.sh REPOSITORY BRANCH VERSION [NOTES]" >&2; exit 2; }
repository=$1 branch=$2 version=$3 notes=${4:-}

unset "${!GIT_@}"
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C TZ=UTC
cd "$repository"
git() { command git -c safe.directory='*' "$@"; }
git_dir=$(git rev-parse --absolute-git-dir)
parent=$(git rev-parse --verify --quiet "refs/heads/$branch^{commit}") || { echo "publish.sh: $repository has no branch $branch" >&2; exit 2; }
if git rev-parse --verify --quiet "refs/tags/$version" >/dev/null; then
  echo "publish.sh: $repository has a release $version already" >&2
  exit 2
fi

export GIT_AUTHOR_NAME="Recipe Author" GIT_AUTHOR_EMAIL=author@example.org
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
GIT_AUTHOR_DATE="$(($(git show --no-patch --format=%ct "$parent") + 86400)) +0000"
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE

# An index of its own: the repository's stays untouched until all is made.
GIT_INDEX_FILE=$(mktemp -u "$git_dir/publish-index.XXXXXX")
export GIT_INDEX_FILE
trap 'rm -f "$GIT_INDEX_FILE" "$GIT_INDEX_FILE.lock"' EXIT

put() {  # PATH: standard input becomes that file
  git update-index --add --cacheinfo "100644,$(git hash-object -w --stdin),$1"
}

git read-tree "$parent"
# shellcheck disable=SC2016  # the label is spelled with a literal ${STACK_NAME}
git show "$parent:compose.yml" | sed 's|\(coop-cloud\.${STACK_NAME}\.version[=:] *"\{0,1\}\)[^"]*|\1'"$version|" | put compose.yml
if [ -n "$notes" ]; then printf '%s\n' "$notes" | put "release/$version"; fi
commit=$(git commit-tree -p "$parent" -m "Release $version" "$(git write-tree)")
if [ "$(git rev-parse --is-bare-repository)" = false ] && [ "$(git symbolic-ref --quiet HEAD)" = refs/heads/main ]; then
  (unset GIT_INDEX_FILE && git read-tree -m -u HEAD "$commit")
fi
git tag --annotate --message "$version" "$version" "$commit"
git update-ref refs/heads/main "$commit"
echo "$commit"
