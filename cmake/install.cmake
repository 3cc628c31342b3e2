# What is installed where, by GNUInstallDirs, and `uninstall`, which takes the same files away.
# Units, users and profiles go where the tools that read them look; an option says where that is.
# All of it is relative to the prefix, so that `cmake --install --prefix` moves it, but for /etc where
# that is /usr's. The components are Debian's packages: cli, engine.
set(BERTH_UNITDIR lib/systemd/system CACHE STRING "Units of systemd")
set(BERTH_SYSUSERSDIR lib/sysusers.d CACHE STRING "The group of the socket")
set(BERTH_TMPFILESDIR lib/tmpfiles.d CACHE STRING "Folders that are made")
set(BERTH_ETC ${CMAKE_INSTALL_SYSCONFDIR})
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
  set(BERTH_ETC ${CMAKE_INSTALL_FULL_SYSCONFDIR})
endif()
set(berthd_path ${CMAKE_INSTALL_FULL_SBINDIR}/berthd)
set(keeper_path ${CMAKE_INSTALL_FULL_LIBEXECDIR}/berth/berth-keeper)
set(berth_path ${CMAKE_INSTALL_FULL_BINDIR}/berth)

install(TARGETS berth RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT cli)
install(TARGETS berthd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT engine)
install(TARGETS berth-keeper RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/berth COMPONENT engine)

# berth_install_text(FILE.in DIRECTORY [NAME]): with the paths of this installation put in.
function(berth_install_text file directory)
  get_filename_component(name ${file} NAME_WLE)
  if(ARGC GREATER 2)
    set(name ${ARGV2})
  endif()
  configure_file(${CMAKE_SOURCE_DIR}/packaging/${file} ${CMAKE_BINARY_DIR}/packaging/${file}.out @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/packaging/${file}.out DESTINATION ${directory} RENAME ${name}
    COMPONENT engine)
endfunction()

berth_install_text(systemd/berth.service.in ${BERTH_UNITDIR})
berth_install_text(systemd/berth.socket.in ${BERTH_UNITDIR})
berth_install_text(systemd/sysusers.conf.in ${BERTH_SYSUSERSDIR} berth.conf)
berth_install_text(systemd/tmpfiles.conf.in ${BERTH_TMPFILESDIR} berth.conf)
berth_install_text(logrotate.in ${BERTH_ETC}/logrotate.d berth)
# Not where it is loaded by itself: docs/SERVICE.md.
berth_install_text(apparmor/berthd.in ${CMAKE_INSTALL_DATADIR}/berth/apparmor)

install(FILES LICENSE CHANGELOG.md README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT cli)

# berth.spdx.json: what this build is made of.
add_custom_target(sbom COMMAND ${CMAKE_SOURCE_DIR}/packaging/sbom.py ${CMAKE_BINARY_DIR}
    > ${CMAKE_BINARY_DIR}/berth.spdx.json VERBATIM)
add_custom_target(uninstall
  COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
    -P ${CMAKE_SOURCE_DIR}/cmake/uninstall.cmake VERBATIM)
