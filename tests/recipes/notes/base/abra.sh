# A changed config needs a new name: raise its version with it.
export START_SH_VERSION=v1
export DB_SH_VERSION=v1
export SCHEMA_SQL_VERSION=v1
