# How every target of Simmer is built: warnings, sanitizers, one precompiled header, ccache.

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header carries time stamps; ccache must be told that they do not matter.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

add_library(simmer_options INTERFACE)
target_compile_options(simmer_options INTERFACE -Wall -Wextra $<$<BOOL:${SIMMER_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(simmer_options INTERFACE -fpch-preprocess)
endif()
if(SIMMER_SANITIZE)
  target_compile_options(simmer_options INTERFACE -fsanitize=${SIMMER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(simmer_options INTERFACE -fsanitize=${SIMMER_SANITIZE})
endif()

# The headers that are compiled once for many targets. One such header takes as long as one or two sources: with one a target they
# were a third of a build.
set(simmer_pch <algorithm> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <sstream> <string> <string_view> <vector>)
set(simmer_pch_of_library ${simmer_pch})
set(simmer_pch_of_json ${simmer_pch} <nlohmann/json.hpp>)
set(simmer_pch_of_test ${simmer_pch} <nlohmann/json.hpp> <gtest/gtest.h> <gmock/gmock.h>)

# simmer_precompiled(TARGET library|json|test): gives TARGET, which links simmer_options, the precompiled headers of that name. They are
# made for code that lies in a library (library, json) or in a program (test): the compiler takes them for nothing else.
function(simmer_precompiled target name)
  set(owner simmer_pch_${name})
  if(NOT TARGET ${owner})
    set(source ${PROJECT_BINARY_DIR}/${owner}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "int main() {}\n")
    if(name STREQUAL "test")
      add_executable(${owner} EXCLUDE_FROM_ALL ${source})
    else()
      add_library(${owner} STATIC EXCLUDE_FROM_ALL ${source})
    endif()
    target_link_libraries(${owner} PRIVATE simmer_options)
    if(name STREQUAL "test")
      target_link_libraries(${owner} PRIVATE GTest::gtest GTest::gmock) # what these define belongs to what is precompiled
    endif()
    target_precompile_headers(${owner} PRIVATE ${simmer_pch_of_${name}})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

# simmer_library(NAME sources... [LINK libraries...]): a static library of the core.
function(simmer_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/core/src)
  target_link_libraries(${name} PUBLIC simmer_interfaces ${ARG_LINK} PRIVATE simmer_options)
  if("nlohmann_json::nlohmann_json" IN_LIST ARG_LINK)
    simmer_precompiled(${name} json)
  else()
    simmer_precompiled(${name} library)
  endif()
endfunction()

# simmer_test(NAME sources... [LINK libraries...] [LABELS labels...] [TIMEOUT seconds] [THREADS] [UNSANITIZED]): a GoogleTest program,
# one ctest entry per test. THREADS: it has threads, or what it tests has; the thread sanitizer looks at these alone. UNSANITIZED: it
# needs more than this machine's own files and processes, and is for no sanitizer. What a build's sanitizer is not for is no part of
# `all` there, and no test.
function(simmer_test name)
  cmake_parse_arguments(ARG "THREADS;UNSANITIZED" "TIMEOUT" "LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main simmer_options)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  simmer_precompiled(${name} test)
  if((SIMMER_SANITIZE AND ARG_UNSANITIZED) OR (SIMMER_SANITIZE STREQUAL "thread" AND NOT ARG_THREADS))
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  set(cost)
  if(ARG_TIMEOUT GREATER 120)
    set(cost COST ${ARG_TIMEOUT}) # the longest begin first
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ${cost})
endfunction()
