#!/bin/sh
# What is done to the running database: health, dump and load for backups, and the records by which Simmer
# recognises the data.  db.sh ping | dump | forget-dump | load | seed NONCE | verify NONCE | wipe
set -eu
umask 077

dump=$DB_DIR/dump.sql
cd "$DB_DIR/data"
IFS= read -r MYSQL_PWD <"$DB_PASSWORD_FILE" || [ -n "$MYSQL_PWD" ]
export MYSQL_PWD

client() {
  program=$1
  shift
  "$program" --no-defaults --user=root --protocol=socket --socket=./mariadb.sock "$@"
}

query() {
  client mariadb --batch --skip-column-names --execute "$1"
}

checked_nonce() {
  case $1 in
    '' | *[!0-9a-z]*) echo "db.sh: '$1' is no nonce" >&2; exit 2 ;;
  esac
  echo "$1"
}

# The three records of a nonce, as verify must find them.
expected() {
  for number in 1 2 3; do printf 'simmer-%s-%s\tnote %s of %s\n' "$1" $number $number "$1"; done
}

case $1 in
  ping)
    client mariadb-admin status >/dev/null  # `ping` would be content with a password that is wrong
    ;;
  dump)
    client mariadb-dump --single-transaction --databases notes >"$dump.new"
    mv "$dump.new" "$dump"
    ;;
  forget-dump)
    rm -f "$dump"
    ;;
  load)
    client mariadb <"$dump"
    rm "$dump"
    ;;
  seed)
    nonce=$(checked_nonce "$2")
    for number in 1 2 3; do
      echo "INSERT IGNORE INTO notes.notes (name, text) VALUES ('simmer-$nonce-$number', 'note $number of $nonce');"
    done | client mariadb
    ;;
  verify)
    nonce=$(checked_nonce "$2")
    found=$(query "SELECT name, text FROM notes.notes WHERE name LIKE 'simmer-$nonce-%' ORDER BY name")
    if [ "$found" != "$(expected "$nonce")" ]; then
      echo "db.sh: the three notes of $nonce are not there; found: ${found:-none}" >&2
      exit 1
    fi
    ;;
  wipe)
    query "DELETE FROM notes.notes WHERE name LIKE 'simmer-%'"
    ;;
  *)
    echo "db.sh: unknown command '$1'" >&2
    exit 2
    ;;
esac
