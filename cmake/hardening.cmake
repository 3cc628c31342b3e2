# How a daemon of root is built: what makes a mistake in C a crash instead of a way in. Each flag
# is asked for first, as compilers and machines differ. tests/lint/hardening.sh looks at the result.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

set(CMAKE_REQUIRED_QUIET ON)
set(CMAKE_REQUIRED_FLAGS -Werror) # clang takes flags of other machines with a warning

# berth_flag_if_known(FLAG): compile with it where the compiler takes it.
function(berth_flag_if_known flag)
  string(MAKE_C_IDENTIFIER "HAS${flag}" name)
  check_c_compiler_flag(${flag} ${name})
  if(${name})
    add_compile_options(${flag})
  endif()
endfunction()

# Runs at a random address (linked with -pie, the keeper with -static-pie). Tables of functions are
# resolved at start and read-only from then on.
add_compile_options(-fPIE)
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

berth_flag_if_known(-fstack-protector-strong)
berth_flag_if_known(-fstack-clash-protection)
berth_flag_if_known(-fcf-protection=full)        # x86: indirect jumps and returns
berth_flag_if_known(-mbranch-protection=standard) # the same on arm64

# What nobody wrote reads as zero in what users run, and as a pattern where we look for faults.
set(BERTH_AUTO_INIT "$<IF:$<CONFIG:Debug>,pattern,zero>")
check_c_compiler_flag(-ftrivial-auto-var-init=zero HAS_AUTO_VAR_INIT)
set(ZERO_KNOWING -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
check_c_compiler_flag("-ftrivial-auto-var-init=zero ${ZERO_KNOWING}" HAS_AUTO_VAR_INIT_KNOWING)
if(HAS_AUTO_VAR_INIT)
  add_compile_options(-ftrivial-auto-var-init=${BERTH_AUTO_INIT})
elseif(HAS_AUTO_VAR_INIT_KNOWING) # clang before 16
  add_compile_options(-ftrivial-auto-var-init=${BERTH_AUTO_INIT}
    $<$<NOT:$<CONFIG:Debug>>:${ZERO_KNOWING}>)
endif()

# glibc's checks of sizes need an optimiser, and sanitizers see more where they are off. A C library
# that does not know level 3 says so with a warning.
if(NOT BERTH_SANITIZE AND NOT BERTH_TSAN)
  set(CMAKE_REQUIRED_FLAGS "-Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
  check_c_source_compiles("#include <string.h>\nint main(void) { return 0; }" HAS_FORTIFY_3)
  if(HAS_FORTIFY_3)
    set(BERTH_FORTIFY -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  else()
    set(BERTH_FORTIFY -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  add_compile_options("$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:${BERTH_FORTIFY}>")
endif()
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_QUIET)
