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

set(simmer_pch <algorithm> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <sstream> <string> <string_view> <vector>)

# simmer_library(NAME sources... [LINK libraries...]): a static library of the core.
function(simmer_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/core/src)
  target_link_libraries(${name} PUBLIC simmer_interfaces ${ARG_LINK} PRIVATE simmer_options)
  target_precompile_headers(${name} PRIVATE ${simmer_pch})
endfunction()

# simmer_test(NAME sources... [LINK libraries...] [LABELS labels...] [TIMEOUT seconds]): a GoogleTest program,
# one ctest entry per test.
function(simmer_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main simmer_options)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_precompile_headers(${name} PRIVATE ${simmer_pch} <gtest/gtest.h> <gmock/gmock.h>)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
