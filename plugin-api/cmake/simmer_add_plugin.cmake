# simmer_add_plugin(NAME sources... [LINK libraries...]): one plugin, NAME.so, from its sources.
#
# Hidden symbols, so that plugins cannot get at each other's; unresolved symbols are an error here
# and not at load time; C++20 as the host is built with, for the tag compares it.
function(simmer_add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so"
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${name} PRIVATE simmer::plugin-api ${ARG_LINK})
  target_link_options(${name} PRIVATE LINKER:-z,defs)
endfunction()
