# find_package(simmer-plugin-api): the target simmer::plugin-api (headers) and simmer_add_plugin().
include(${CMAKE_CURRENT_LIST_DIR}/simmer-plugin-apiTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/simmer_add_plugin.cmake)
# A project made by `simmer plugin new` starts from here.
get_filename_component(SIMMER_PLUGIN_EXAMPLE_DIR ${CMAKE_CURRENT_LIST_DIR}/../../../share/simmer/plugin-example ABSOLUTE)
