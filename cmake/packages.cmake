# The libraries, each with Debian's package that brings it; see docs/ARCHITECTURE.md, section
# Libraries. Whatever is missing is told at once.
set(BERTH_MISSING "")
find_package(PkgConfig QUIET)
if(NOT PKG_CONFIG_FOUND)
  message(FATAL_ERROR "pkg-config is missing. On Debian: apt install pkg-config")
endif()
find_package(Threads REQUIRED)

# berth_library(PREFIX MODULE PACKAGE): the target PkgConfig::PREFIX.
macro(berth_library prefix module package)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${module})
  if(NOT ${prefix}_FOUND)
    list(APPEND BERTH_MISSING ${package})
  endif()
endmacro()

berth_library(UV libuv libuv1-dev)
berth_library(SECCOMP libseccomp libseccomp-dev)
berth_library(CAP libcap libcap-dev)
berth_library(CJSON libcjson libcjson-dev)
berth_library(CURL libcurl libcurl4-openssl-dev)
berth_library(ARCHIVE libarchive libarchive-dev)
berth_library(SQLITE sqlite3 libsqlite3-dev)
berth_library(CRYPTO libcrypto libssl-dev)
berth_library(SSL libssl libssl-dev)
berth_library(ZLIB zlib zlib1g-dev)
berth_library(MNL libmnl libmnl-dev)
berth_library(NFTABLES libnftables libnftables-dev)

# Optional: without it a --cgroup-parent that is a slice of systemd's is refused.
pkg_check_modules(SYSTEMD QUIET IMPORTED_TARGET libsystemd)

# Optional: without it --selinux-enabled is refused.
pkg_check_modules(SELINUX QUIET IMPORTED_TARGET libselinux)

# llhttp: a library where the distribution has one, else the C sources that node-llhttp ships.
pkg_check_modules(LLHTTP QUIET IMPORTED_TARGET libllhttp)
if(LLHTTP_FOUND)
  add_library(llhttp ALIAS PkgConfig::LLHTTP)
else()
  find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
  find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
  if(LLHTTP_SOURCE AND LLHTTP_INCLUDE)
    set(LLHTTP_SOURCES ${LLHTTP_SOURCE}/llhttp.c ${LLHTTP_SOURCE}/api.c ${LLHTTP_SOURCE}/http.c)
    add_library(llhttp STATIC ${LLHTTP_SOURCES})
    target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
    target_compile_options(llhttp PRIVATE -w)
  else()
    list(APPEND BERTH_MISSING node-llhttp)
  endif()
endif()

if(BERTH_MISSING)
  list(JOIN BERTH_MISSING " " BERTH_MISSING)
  message(FATAL_ERROR "Libraries are missing. On Debian: apt install ${BERTH_MISSING}")
endif()
