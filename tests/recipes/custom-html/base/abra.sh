# A changed config needs a new name: raise its version with it.
export START_SH_VERSION=v1
export DEFAULT_CONF_VERSION=v1
export SITE_CONF_VERSION=v1
export INDEX_HTML_VERSION=v1
