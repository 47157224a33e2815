#!/bin/sh
# Makes the database if the volume has none, then becomes the server. The password is set once, when the
# database is made: it belongs to the data from then on. It goes to the server in a file only we can read,
# never in an argument. The script may be killed anywhere: a half-made database is made again.
set -eu
umask 077

user=$(id -un)
data=$DB_DIR/data

if [ ! -e "$data" ]; then
  rm -rf "$data.new"
  password=$(sed "s/[\\\\']/\\\\&/g" "$DB_PASSWORD_FILE")
  printf "FLUSH PRIVILEGES;\nALTER USER 'root'@'localhost' IDENTIFIED BY '%s';\n" "$password" >"$RUN_DIR/password.sql"
  # Flushed once, at the end, instead of after each of hundreds of statements.
  mariadb-install-db --no-defaults --datadir="$data.new" --user="$user" --auth-root-authentication-method=normal \
    --skip-test-db --skip-name-resolve --innodb-flush-method=nosync --extra-file="$RUN_DIR/password.sql" \
    >"$RUN_DIR/install.log" 2>&1 || { cat "$RUN_DIR/install.log" >&2; exit 1; }
  rm "$RUN_DIR/password.sql"
  find "$data.new" -exec sync {} +  # these files alone; a sync of the file system waits for everybody else
  mv "$data.new" "$data"
fi

# The socket's name is relative to the data: a socket's whole path may have no more than 107 characters.
exec mariadbd --no-defaults --datadir="$data" --user="$user" --init-file="$SCRIPTS_DIR/schema.sql" --socket=mariadb.sock \
  --bind-address="${DB_ADDRESS:-*}" --port="${DB_PORT:-3306}" --pid-file="$RUN_DIR/mariadbd.pid" \
  --skip-name-resolve --innodb-buffer-pool-size=16M --innodb-log-file-size=8M --performance-schema=OFF
