# As a stranger would: installs the plugin API alone to a stage, builds the example project of the guide
# and a plugin whose author made a mistake, out of the tree and from the stage only.
# Needs -DBUILD -DSTAGE -DCXX -DGENERATOR -DFLAGS -DLOAD_ONE -DGUIDE.
cmake_minimum_required(VERSION 3.25)

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what}: exit code ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${STAGE})
run("install" ${CMAKE_COMMAND} --install ${BUILD} --component plugin-api --prefix ${STAGE}/prefix)

# Nothing but the interfaces and the API is installed.
file(GLOB_RECURSE headers RELATIVE ${STAGE}/prefix ${STAGE}/prefix/*.hpp)
foreach(header ${headers})
  if(NOT header MATCHES "^include/simmer/")
    message(FATAL_ERROR "installed beside the API: ${header}")
  endif()
  file(STRINGS ${STAGE}/prefix/${header} includes REGEX "^ *#include")
  foreach(line ${includes})
    if(NOT line MATCHES "#include <simmer/[a-z_/]+\\.hpp>" AND NOT line MATCHES "#include <[a-z_]+>")
      message(FATAL_ERROR "${header}: ${line}: the API includes the standard library and itself, nothing else")
    endif()
  endforeach()
endforeach()

set(example ${STAGE}/prefix/share/simmer/plugin-example)
run("configure" ${CMAKE_COMMAND} -S ${example} -B ${STAGE}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_PREFIX_PATH=${STAGE}/prefix "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror ${FLAGS}" -DCMAKE_BUILD_TYPE=Release)
run("build" ${CMAKE_COMMAND} --build ${STAGE}/build)
run("its own test" ${STAGE}/build/guestbook_test)
run("load" ${LOAD_ONE} ${STAGE}/build/guestbook.so)
if(NOT output MATCHES "loaded guestbook\nrole canonical")
  message(FATAL_ERROR "guestbook.so did not load: ${output}")
endif()

# Every public header stands alone.
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
set(compile ${CXX} -std=c++20 -fPIC -fvisibility=hidden ${flags} -I${STAGE}/prefix/include)
foreach(header ${headers})
  string(REPLACE "include/" "" name ${header})
  string(MAKE_C_IDENTIFIER ${name} file)
  file(WRITE ${STAGE}/${file}.cpp "#include <${name}>\n#include <${name}>\n")
  run("${name} alone" ${compile} -fsyntax-only -Wall -Wextra -Werror ${STAGE}/${file}.cpp)
endforeach()

# Two macros in one shared object: an error of the linker, not a surprise at run time.
run("compile once" ${compile} -c ${example}/guestbook.cpp -o ${STAGE}/one.o)
run("compile twice" ${compile} -c ${example}/guestbook.cpp -o ${STAGE}/two.o)
execute_process(COMMAND ${CXX} -shared ${flags} ${STAGE}/one.o ${STAGE}/two.o -o ${STAGE}/both.so RESULT_VARIABLE result ERROR_VARIABLE error)
if(result EQUAL 0 OR NOT error MATCHES "multiple definition of .simmer_plugin_(tag|descriptor)")
  message(FATAL_ERROR "two SIMMER_PLUGIN in one shared object were linked: ${error}")
endif()

# A name that does not fit the tag is an error of the compiler.
file(WRITE ${STAGE}/badname.cpp "#include <simmer/plugin_tag.hpp>\nconstexpr auto tag = simmer::plugin_detail::make_tag(\"a b\", \"1\", {\"c\"});\n")
execute_process(COMMAND ${compile} -fsyntax-only ${STAGE}/badname.cpp RESULT_VARIABLE result ERROR_VARIABLE error)
if(result EQUAL 0)
  message(FATAL_ERROR "a plugin's name with a blank in it was compiled")
endif()

# The guide shows the example, letter for letter.
file(READ ${GUIDE} guide)
foreach(shown CMakeLists.txt guestbook.cpp guestbook_test.cpp)
  file(READ ${example}/${shown} text)
  string(FIND "${guide}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "docs/plugin-guide.md does not show plugin-api/example/${shown} as it is")
  endif()
endforeach()
