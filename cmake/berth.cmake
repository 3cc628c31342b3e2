# One target per folder: the layers of docs/ARCHITECTURE.md as link dependencies.

set(BERTH_SANITIZE_FLAGS "")
if(BERTH_SANITIZE)
  set(BERTH_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
elseif(BERTH_TSAN)
  set(BERTH_SANITIZE_FLAGS -fsanitize=thread)
endif()

# berth_folder(NAME [folders and libraries it may use...]): a static library of src/NAME/*.c.
# New .c files are picked up by themselves.
function(berth_folder name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c
    ${CMAKE_CURRENT_SOURCE_DIR}/handlers/*.c)
  add_library(berth_${name} STATIC ${sources})
  target_include_directories(berth_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(berth_${name} PUBLIC ${ARGN})
  target_compile_options(berth_${name} PRIVATE ${BERTH_SANITIZE_FLAGS})
  target_link_options(berth_${name} INTERFACE ${BERTH_SANITIZE_FLAGS})
endfunction()

# The keeper's side: the same sources built apart, static, libc only, without sanitizers.
function(berth_static_folder name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(berth_static_${name} STATIC ${sources})
  target_include_directories(berth_static_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(berth_static_${name} PUBLIC ${ARGN})
endfunction()
