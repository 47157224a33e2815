# The golden test of the public headers: what authors compile against does not change unnoticed.
#
#   cmake -P plugin-api/api_lock.cmake                 fails when a header differs from api.lock
#   cmake -DUPDATE=ON -P plugin-api/api_lock.cmake     records the headers as they are, once plugin_tag.hpp
#                                                      has a new API version and CHANGELOG.md its section;
#                                                      or while that section says "(unreleased)"
#
# Digests leave out comments and blanks: words may always be made better.
cmake_minimum_required(VERSION 3.25)
set(root ${CMAKE_CURRENT_LIST_DIR}/..)
set(lock_file ${CMAKE_CURRENT_LIST_DIR}/api.lock)

file(READ ${CMAKE_CURRENT_LIST_DIR}/include/simmer/plugin_tag.hpp tag_header)
foreach(part major minor)
  if(NOT tag_header MATCHES "plugin_api_${part} = ([0-9]+);")
    message(FATAL_ERROR "plugin_tag.hpp: no plugin_api_${part}")
  endif()
  set(${part} ${CMAKE_MATCH_1})
endforeach()
set(version ${major}.${minor})

set(headers "")
foreach(folder core/include plugin-api/include)
  file(GLOB_RECURSE found RELATIVE ${root} ${root}/${folder}/*.hpp)
  list(APPEND headers ${found})
endforeach()
list(SORT headers)
set(now "api ${version}\n")
foreach(header ${headers})
  file(READ ${root}/${header} text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "[ \t\n\\]+" " " text "${text}")
  string(SHA256 digest "${text}")
  string(SUBSTRING ${digest} 0 32 digest)
  string(APPEND now "${digest} ${header}\n")
endforeach()

file(READ ${CMAKE_CURRENT_LIST_DIR}/CHANGELOG.md changelog)
string(REPLACE "." "\\." pattern ${version})
if(NOT changelog MATCHES "\n## ${pattern}( \\(unreleased\\))?\n")
  message(FATAL_ERROR "plugin-api/CHANGELOG.md has no section '## ${version}': say what changed, and what an author must do")
endif()
set(unreleased "${CMAKE_MATCH_1}")

set(then "")
if(EXISTS ${lock_file})
  file(READ ${lock_file} then)
endif()
if(now STREQUAL then)
  return()
endif()
if(UPDATE)
  if(then MATCHES "^api ${pattern}\n" AND NOT unreleased)
    message(FATAL_ERROR "API ${version} is released: raise plugin_api_major or plugin_api_minor in plugin_tag.hpp first")
  endif()
  file(WRITE ${lock_file} "${now}")
  return()
endif()
string(REPLACE "\n" ";" now_lines "${now}")
string(REPLACE "\n" ";" then_lines "${then}")
set(changed ${now_lines})
list(REMOVE_ITEM changed ${then_lines})
list(TRANSFORM changed REPLACE "^[0-9a-f]+ " "")
list(JOIN changed ", " changed)
message(FATAL_ERROR "public headers differ from api.lock: ${changed}. Plugins are compiled against them: raise the API version "
  "(plugin_tag.hpp; major when an interface that plugins implement or call changes, minor for what is new beside it), write its section in "
  "CHANGELOG.md, then: cmake -DUPDATE=ON -P plugin-api/api_lock.cmake")
