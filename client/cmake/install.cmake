# What an outside project gets: headers, static libraries, the protos, and two ways to find them.
include(CMakePackageConfigHelpers)

set(ELDR_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/eldr)

install(TARGETS eldr_client eldr_prefix eldr_proto EXPORT eldrTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(EXPORT eldrTargets NAMESPACE eldr:: DESTINATION ${ELDR_CMAKE_DIR} COMPONENT client)

install(DIRECTORY include/eldr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)
install(DIRECTORY ${PROJECT_BINARY_DIR}/proto/eldr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT client FILES_MATCHING PATTERN "*.pb.h" PATTERN storage EXCLUDE)
# For clients in other languages.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/eldr DESTINATION ${CMAKE_INSTALL_DATADIR}/eldr/proto
  COMPONENT client FILES_MATCHING PATTERN "*.proto" PATTERN storage EXCLUDE)

configure_package_config_file(cmake/eldrConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/eldrConfig.cmake INSTALL_DESTINATION ${ELDR_CMAKE_DIR})
# Before 1.0 a minor version may break its users.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/eldrConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/eldrConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/eldrConfigVersion.cmake
  DESTINATION ${ELDR_CMAKE_DIR} COMPONENT client)

# From the folder of the .pc file back to the prefix: as many steps up as it has parts.
string(REGEX REPLACE "[^/]+" ".." pc_up "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(ELDR_PC_PREFIX "\${pcfiledir}/${pc_up}")
configure_file(cmake/eldr-client.pc.in ${CMAKE_CURRENT_BINARY_DIR}/eldr-client.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/eldr-client.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT client)
