# What `cmake --install` puts where. The tree may be moved as a whole: libeinc.so finds libeinc_llvm.so beside itself, the command finds it
# in the library folder, and einc.pc and the CMake package speak of places relative to their own.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
find_path(EINC_DLPACK_INCLUDE dlpack/dlpack.h REQUIRED)

set(packages ${CMAKE_INSTALL_LIBDIR}/cmake/einc)
set(completions ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
file(RELATIVE_PATH libraries_from_command /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)

set_target_properties(libeinc PROPERTIES EXPORT_NAME einc)
set_target_properties(einc PROPERTIES EXPORT_NAME command)
if(EINC_LLVM)
    set_target_properties(libeinc PROPERTIES INSTALL_RPATH "$ORIGIN")
    set_target_properties(einc PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries_from_command}")
    set_target_properties(einc_llvm PROPERTIES INSTALL_RPATH_USE_LINK_PATH TRUE) # where LLVM is
    install(TARGETS einc_llvm LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
# for the Python package, which loads it by ctypes after libeinc
set_target_properties(einc_python PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS einc_python LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS libeinc einc EXPORT einc INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES runtime/einc.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES docs/einc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES cmake/einc.bash DESTINATION ${completions} RENAME einc)

install(EXPORT einc NAMESPACE einc:: FILE einc-targets.cmake DESTINATION ${packages})
configure_package_config_file(cmake/einc-config.cmake.in ${CMAKE_BINARY_DIR}/einc-config.cmake INSTALL_DESTINATION ${packages}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/einc-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/einc-config.cmake ${CMAKE_BINARY_DIR}/einc-config-version.cmake cmake/einc-kernel.cmake
    DESTINATION ${packages})
configure_file(cmake/einc.pc.in ${CMAKE_BINARY_DIR}/einc.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/einc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
