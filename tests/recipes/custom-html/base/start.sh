#!/bin/sh
# Makes the volume ready, then becomes nginx. One script for every engine: the defaults are those of the
# container, the x-simmer-local section of compose.yml says where things are elsewhere.
# It may be killed anywhere: a file is either not there or whole.
set -eu

content=${CONTENT_DIR:-/srv/content}
defaults=${DEFAULTS_DIR:-/defaults}
nginx_dir=${NGINX_DIR:-/etc/nginx}
schema=1
marker=$content/.schema

install_default() {
  cp "$defaults/$1" "$content/.$1.new"
  mv "$content/.$1.new" "$content/$1"
}

write_schema() {
  echo "$1" >"$marker.new"
  mv "$marker.new" "$marker"
}

# A new volume gets the default page. Pages without a marker are older than the marker is: schema 1.
if [ ! -e "$marker" ]; then
  if [ -e "$content/index.html" ]; then
    write_schema 1
  else
    install_default index.html
    write_schema "$schema"
  fi
fi

exec nginx -e stderr -p "$nginx_dir" -c "$nginx_dir/nginx.conf" -g 'daemon off;'
