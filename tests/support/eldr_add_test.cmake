include(GoogleTest)

# The seed of random tests. 1 by default, so that a failure repeats; 0 draws a new one for each run,
# which a failing test prints.
set(ELDR_TEST_SEED 1 CACHE STRING "Seed of random tests, 1 to 99999; 0 draws one for each run")

# eldr_add_test(NAME <target> SOURCES <file>... LABELS <label>
#               [LIBS <target>...] [ENVIRONMENT <NAME=value>...] [TIMEOUT <seconds>] [THREADS])
#
# A GoogleTest program; each of its tests becomes a ctest test. It links GoogleMock's main, the
# headers of tests/support and LIBS. ENVIRONMENT is set when a test runs (generator expressions
# such as $<TARGET_FILE:eldrd> work). A test that takes longer than TIMEOUT (120 s) fails. THREADS
# adds the label threads: the program's tests run several threads on one object of ours and need no
# gRPC, so ThreadSanitizer has something to find in them.
add_custom_target(threads_tests)  # every test with the label threads
function(eldr_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "THREADS" "NAME;TIMEOUT;LABELS" "SOURCES;LIBS;ENVIRONMENT")
  foreach(needed NAME SOURCES LABELS)
    if(NOT arg_${needed})
      message(FATAL_ERROR "eldr_add_test: ${needed} is missing")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "eldr_add_test(${arg_NAME}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()

  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE
    eldr_build_flags eldr_test_support ${arg_LIBS} GTest::gmock_main)
  if(arg_THREADS)
    add_dependencies(threads_tests ${arg_NAME})
    list(APPEND arg_LABELS threads)
  endif()

  gtest_discover_tests(${arg_NAME}
    DISCOVERY_TIMEOUT 60
    TEST_LIST ${arg_NAME}_TESTS
    PROPERTIES TIMEOUT ${arg_TIMEOUT})

  # gtest_discover_tests cannot pass on a property that is a list, so a script that ctest reads
  # after the discovered tests sets those.
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}_properties.cmake)
  file(GENERATE OUTPUT ${script} CONTENT
"foreach(test IN LISTS ${arg_NAME}_TESTS)
  set_tests_properties(\${test} PROPERTIES LABELS [==[${arg_LABELS}]==] ENVIRONMENT
    [==[GTEST_RANDOM_SEED=${ELDR_TEST_SEED};${arg_ENVIRONMENT}]==])
endforeach()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script})
endfunction()
