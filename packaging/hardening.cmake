# The flags that harden the programs, in every optimised build without sanitizers. The Debian package also gets
# them from dpkg-buildflags (hardening=+all). tests/lint/hardening.py checks a configured build and programs.
option(STSMAPD_HARDENING "Harden the programs of an optimised build" ON)
if(STSMAPD_HARDENING AND NOT STSMAPD_SANITIZE AND CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$")
    # -fPIE, not CMake's own property: that makes a library's code -fPIC, whose functions are not inlined.
    target_compile_options(stsmapd_settings INTERFACE -fPIE -fstack-protector-strong -fstack-clash-protection
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
        target_compile_options(stsmapd_settings INTERFACE -fcf-protection)
    endif()
    target_link_options(stsmapd_settings INTERFACE -pie -Wl,-z,relro -Wl,-z,now)
endif()
