# SPDX-License-Identifier: BSL-1.0
# Install rules: headers, the CMake package and the pkg-config file, all independent of the machine.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(rekey_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/rekey)
install(DIRECTORY include/rekey DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS rekey EXPORT rekeyTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT rekeyTargets NAMESPACE rekey:: DESTINATION ${rekey_package_dir})

configure_package_config_file(cmake/rekeyConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/rekeyConfig.cmake
                              INSTALL_DESTINATION ${rekey_package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/rekeyConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rekeyConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/rekeyConfigVersion.cmake
        DESTINATION ${rekey_package_dir})

# The prefix is found from the place of the file, so an installed tree can be moved. A folder that was
# given as an absolute path, as some packagers do, stays what it is.
string(REPLACE " " "\\ " rekey_pc_prefix "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_DATADIR}")
    file(RELATIVE_PATH rekey_prefix_from_pc /${CMAKE_INSTALL_DATADIR}/pkgconfig /)
    set(rekey_pc_prefix "\${pcfiledir}/${rekey_prefix_from_pc}")
endif()
string(REPLACE " " "\\ " rekey_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(rekey_pc_includedir "\${prefix}/${rekey_pc_includedir}")
endif()
configure_file(cmake/rekey.pc.in ${CMAKE_CURRENT_BINARY_DIR}/rekey.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rekey.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/rekey)
