# Where everything goes: `cmake --install` and the Debian package install the same files. The usual variables
# (GNUInstallDirs, DESTDIR) say where to; programs, units and profile are made to agree with them.
#
# The programs look for their configuration in /etc, with every prefix.
set(CMAKE_INSTALL_SYSCONFDIR /etc CACHE PATH "Where the configuration goes")
include(GNUInstallDirs)
set(STSMAPD_UNIT_DIR ${CMAKE_INSTALL_PREFIX}/lib/systemd/system CACHE PATH "Where systemd units go")
set(STSMAPD_GENERATOR_DIR ${CMAKE_INSTALL_PREFIX}/lib/systemd/system-generators CACHE PATH "Where generators go")
set(STSMAPD_LIBEXEC_DIR ${CMAKE_INSTALL_PREFIX}/libexec/stsmapd CACHE PATH "Where what units run goes")
set(STSMAPD_TMPFILES_DIR ${CMAKE_INSTALL_PREFIX}/lib/tmpfiles.d CACHE PATH "Where files for tmpfiles go")
set(STSMAPD_SYSUSERS_DIR ${CMAKE_INSTALL_PREFIX}/lib/sysusers.d CACHE PATH "Where files for sysusers go")

install(TARGETS stsmapd DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS stsmap DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES man/stsmapd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES man/stsmapd-metrics.7 man/stsmapd-postfix.7 man/stsmap-findings.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
install(FILES man/stsmapd.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES man/stsmap.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/monitoring/stsmapd.rules.yml packaging/monitoring/stsmapd.rules.test.yml
        packaging/monitoring/stsmapd-dashboard.json packaging/monitoring/prometheus.yml packaging/monitoring/metrics.json
    DESTINATION ${CMAKE_INSTALL_DATADIR}/stsmapd/monitoring)
install(FILES packaging/monitoring/README.md packaging/monitoring/page-healthy.png packaging/monitoring/page-broken.png
        packaging/monitoring/page-observing.png
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/monitoring)
install(DIRECTORY tests/schemas DESTINATION ${CMAKE_INSTALL_DATADIR}/stsmapd FILES_MATCHING PATTERN *.json)
foreach(program stsmap stsmapd)
    install(FILES packaging/bash-completion/stsmap RENAME ${program}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endforeach()

# An existing configuration belongs to the administrator.
install(CODE "
    set(config \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/stsmapd/stsmapd.toml\")
    if(EXISTS \"\${config}\")
        message(STATUS \"Kept: \${config}\")
    else()
        file(INSTALL \"${PROJECT_SOURCE_DIR}/conf/stsmapd.toml\"
            DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/stsmapd\")
    endif()")

# Installs packaging/<file> to <folder>, with the paths of this installation in it.
function(install_with_paths file folder)
    file(READ packaging/${file} text)
    string(REPLACE /usr/sbin/stsmapd ${CMAKE_INSTALL_FULL_SBINDIR}/stsmapd text "${text}")
    string(REPLACE /usr/libexec/stsmapd ${STSMAPD_LIBEXEC_DIR} text "${text}")
    string(REPLACE /etc/stsmapd/ ${CMAKE_INSTALL_FULL_SYSCONFDIR}/stsmapd/ text "${text}")
    cmake_path(GET file FILENAME name)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/packaging/${name} CONTENT "${text}" @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS packaging/${file})
    install(FILES ${PROJECT_BINARY_DIR}/packaging/${name} DESTINATION ${folder})
endfunction()
install_with_paths(systemd/stsmapd.service ${STSMAPD_UNIT_DIR})
install_with_paths(systemd/stsmapd.socket ${STSMAPD_UNIT_DIR})
install_with_paths(systemd/stsmapd-control.socket ${STSMAPD_UNIT_DIR})
install_with_paths(systemd/stsmapd-web.socket ${STSMAPD_UNIT_DIR})
install_with_paths(systemd/stsmapd-follow-postfix.service ${STSMAPD_UNIT_DIR})
install(PROGRAMS packaging/systemd/follow-postfix DESTINATION ${STSMAPD_LIBEXEC_DIR})
install(PROGRAMS packaging/systemd/stsmapd-generator DESTINATION ${STSMAPD_GENERATOR_DIR})
install_with_paths(sysusers.d/stsmapd.conf ${STSMAPD_SYSUSERS_DIR})
install(FILES packaging/tmpfiles.d/stsmapd.conf DESTINATION ${STSMAPD_TMPFILES_DIR})
install_with_paths(apparmor/usr.sbin.stsmapd ${CMAKE_INSTALL_FULL_SYSCONFDIR}/apparmor.d)
# `systemctl reload` that waits until it is done came with systemd 253.
if(SYSTEMD_VERSION VERSION_GREATER_EQUAL 253)
    install_with_paths(systemd/notify-reload.conf ${STSMAPD_UNIT_DIR}/stsmapd.service.d)
endif()
