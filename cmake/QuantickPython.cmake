# The Python package: the module quantick._core over all rooms, and python/quantick beside it in
# <build>/python/quantick, so that PYTHONPATH=<build>/python imports what was just built.

find_package(Python 3.11 COMPONENTS Interpreter Development.Module ${SKBUILD_SABI_COMPONENT})
if(NOT Python_FOUND)
  message(FATAL_ERROR "Python 3.11 or newer with its headers was not found: apt-get install python3-dev, or "
                      "-DPython_EXECUTABLE=... of one that has them")
endif()
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_VARIABLE nanobind_ROOT
                OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
if(failed)
  message(FATAL_ERROR "${Python_EXECUTABLE} has no nanobind: tools/venv.sh tools/requirements-python.txt, and "
                      "-DPython_EXECUTABLE=${CMAKE_SOURCE_DIR}/.venv/bin/python")
endif()
find_package(nanobind CONFIG REQUIRED)

set(package ${CMAKE_BINARY_DIR}/python/quantick)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/quantick/bindings/python/*.cc)
# The stable ABI exists for nanobind from Python 3.12 on; there one wheel serves all later versions.
# A domain of its own: types and translators of errors of other nanobind modules (DuckDB) never meet ours.
nanobind_add_module(quantick_python NB_STATIC STABLE_ABI NOMINSIZE NB_DOMAIN quantick ${sources})
set_target_properties(quantick_python PROPERTIES OUTPUT_NAME _core LIBRARY_OUTPUT_DIRECTORY ${package})
target_compile_definitions(quantick_python PRIVATE QTK_VERSION="${PROJECT_VERSION}")
# Calls that convert and forward: smaller code loads faster.
target_compile_options(quantick_python PRIVATE -O1)
target_link_libraries(quantick_python PRIVATE quantick_cli)
# Nothing but Python's way in is exported: no library of the same name elsewhere in the process can meet ours.
set(exports ${CMAKE_BINARY_DIR}/python/exports.map)
file(WRITE ${exports} "{ global: PyInit__core; local: *; };\n")
target_link_options(quantick_python PRIVATE -Wl,--as-needed -Wl,--gc-sections -Wl,--version-script=${exports})
if(QTK_STATIC)
  foreach(library "OpenSSL::Crypto;crypto" "ZLIB::ZLIB;z" "fmt::fmt;fmt")
    list(GET library 0 target)
    list(GET library 1 name)
    find_library(QTK_STATIC_${name} lib${name}.a)
    set(archive ${QTK_STATIC_${name}})
    if(NOT archive AND name STREQUAL "fmt")
      add_library(quantick_fmt STATIC cmake/static_fmt.cc)
      add_dependencies(quantick_python quantick_fmt)
      set(archive ${CMAKE_BINARY_DIR}/libquantick_fmt.a)
    endif()
    if(archive)
      set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_RELEASE ${archive})
    else()
      message(STATUS "lib${name}.a was not found: the module will need lib${name}.so")
    endif()
  endforeach()
  # Debian's archive of yaml-cpp is not position-independent: the library itself comes along, beside the module.
  get_target_property(configuration yaml-cpp IMPORTED_CONFIGURATIONS)
  get_target_property(library yaml-cpp IMPORTED_LOCATION_${configuration})
  get_target_property(soname yaml-cpp IMPORTED_SONAME_${configuration})
  if(soname)
    install(FILES ${library} DESTINATION quantick RENAME ${soname} COMPONENT python)
    set_target_properties(quantick_python PROPERTIES INSTALL_RPATH "$ORIGIN")
  endif()
endif()

# Links, so that an edit of a .py file needs no build.
file(GLOB entries CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/python/quantick/*)
file(MAKE_DIRECTORY ${package})
foreach(entry ${entries})
  get_filename_component(name ${entry} NAME)
  if(NOT name STREQUAL "__pycache__")
    file(CREATE_LINK ${entry} ${package}/${name} SYMBOLIC)
  endif()
endforeach()

# Functions of the registry's rows, and type stubs of the module: both read the module that was just built.
# Ahead of what is there: pip's own environment for builds is on that path.
set(with_package ${CMAKE_COMMAND} -E env --modify PYTHONPATH=path_list_prepend:${CMAKE_BINARY_DIR}/python
    PYTHONDONTWRITEBYTECODE=1)
if(QTK_SANITIZE MATCHES address)
  # Python was built without: the sanitizer, and the C++ library whose throw it looks for, must be there first.
  foreach(name asan stdc++)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=lib${name}.so OUTPUT_VARIABLE library_${name}
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
  endforeach()
  list(APPEND with_package LD_PRELOAD=${library_asan}:${library_stdc++} ASAN_OPTIONS=detect_leaks=0)
endif()
list(APPEND with_package ${Python_EXECUTABLE})
set(write_operators ${CMAKE_SOURCE_DIR}/tools/write_python_operators.py)
add_custom_command(OUTPUT ${package}/_operators.py
                   COMMAND ${with_package} ${write_operators} ${package}/_core ${package}/_operators.py
                   DEPENDS quantick_python ${write_operators} VERBATIM)
add_custom_target(quantick_python_package ALL DEPENDS ${package}/_operators.py)
if(NOT QTK_SANITIZE)
  set(patterns ${CMAKE_SOURCE_DIR}/tools/python_stubs.pattern)
  add_custom_command(OUTPUT ${package}/_core.pyi
                     COMMAND ${with_package} -m nanobind.stubgen -q -m quantick._core -p ${patterns}
                             -o ${package}/_core.pyi
                     DEPENDS quantick_python ${package}/_operators.py ${patterns} VERBATIM)
  add_custom_target(quantick_python_stubs ALL DEPENDS ${package}/_core.pyi)
endif()

install(TARGETS quantick_python LIBRARY DESTINATION quantick COMPONENT python)
install(FILES ${package}/_operators.py ${package}/_core.pyi DESTINATION quantick COMPONENT python)
