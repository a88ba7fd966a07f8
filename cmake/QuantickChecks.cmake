# The repository's checks as tests (label `checks`): each tools/checks/check_*.py, and its self-test, which plants
# violations in a temporary tree and sees them caught.

find_package(Python3 3.9 COMPONENTS Interpreter)
if(NOT Python3_Interpreter_FOUND)
  message(STATUS "Repository checks: left out, Python 3 was not found")
  return()
endif()

function(qtk_check name)
  set(script ${CMAKE_SOURCE_DIR}/tools/checks/check_${name}.py)
  add_test(NAME checks.${name} COMMAND ${Python3_EXECUTABLE} -B ${script} ${ARGN})
  add_test(NAME checks.${name}.self_test COMMAND ${Python3_EXECUTABLE} -B ${script} --self-test ${ARGN})
  set_tests_properties(checks.${name} checks.${name}.self_test
                       PROPERTIES LABELS "checks;fast" SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

qtk_check(layers)
qtk_check(length)
qtk_check(calls)
qtk_check(format)
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
set(kernel_flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
if(QTK_SANITIZE)
  string(APPEND kernel_flags " -fsanitize=${QTK_SANITIZE}")
endif()
qtk_check(spills --compiler ${CMAKE_CXX_COMPILER} "--flags=${kernel_flags}"
          --objects ${CMAKE_BINARY_DIR}/CMakeFiles/quantick_kernels.dir/quantick/kernels)
qtk_check(compile_fail --compiler ${CMAKE_CXX_COMPILER})
set(python_flags "")
if(QTK_PYTHON)
  set(python_flags "-isystem ${NB_DIR}/include -isystem ${Python_INCLUDE_DIRS}")
endif()
qtk_check(headers --compiler ${CMAKE_CXX_COMPILER} "--python-flags=${python_flags}" --cache ${CMAKE_BINARY_DIR}/headers-checked.json
          --compile-commands ${CMAKE_BINARY_DIR}/compile_commands.json)
