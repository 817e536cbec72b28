# Run by `cmake --install`: the unit with the paths of the prefix, and its configuration unless there is
# one, which is its owner's.
set(ELDR_BIN "${CMAKE_INSTALL_PREFIX}/bin")
set(ELDR_DOC "${CMAKE_INSTALL_PREFIX}/share/doc/eldrd")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(ELDR_ETC /etc)
else()
  set(ELDR_ETC "${CMAKE_INSTALL_PREFIX}/etc")
endif()
set(root "$ENV{DESTDIR}")
message(STATUS "Installing: ${root}${CMAKE_INSTALL_PREFIX}/lib/systemd/system/eldrd.service")
configure_file("${ELDR_SERVICE_SOURCES}/eldrd.service.in"
  "${root}${CMAKE_INSTALL_PREFIX}/lib/systemd/system/eldrd.service" @ONLY)
if(NOT EXISTS "${root}${ELDR_ETC}/eldr/eldrd.yaml")
  message(STATUS "Installing: ${root}${ELDR_ETC}/eldr/eldrd.yaml")
  configure_file("${ELDR_SERVICE_SOURCES}/eldrd.yaml" "${root}${ELDR_ETC}/eldr/eldrd.yaml" COPYONLY)
endif()
