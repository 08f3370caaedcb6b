# einc_folder(NAME USES folder...): a static library of every .c file in the folder. A file includes its own folder's headers by
# bare name and those of a folder it may use as "folder/header.h": each folder is seen through its own include root, which
# holds links to the folders it uses and nothing else.
# Files that need LLVM (backends/llvm*.c, runtime/jit_orc.c) are a library of their own (EincLlvm.cmake); those that open it, and those
# of the engine that needs libtcc, are left out without their option.
set(EINC_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

function(einc_include_root target)
    set(root ${CMAKE_BINARY_DIR}/include/${target})
    file(MAKE_DIRECTORY ${root})
    foreach(folder ${ARGN})
        file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
    endforeach()
    target_include_directories(${target} PRIVATE ${root})
endfunction()

function(einc_folder name)
    cmake_parse_arguments(FOLDER "" "" "USES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    list(FILTER sources EXCLUDE REGEX "/(main|(command|library)_[a-z_]+)\\.c$")
    list(FILTER sources EXCLUDE REGEX "/(llvm[a-z_]*|jit_orc)\\.c$")
    if(NOT EINC_LLVM)
        list(FILTER sources EXCLUDE REGEX "/(machine_code|engine_llvm)\\.c$")
    endif()
    if(NOT EINC_TCC)
        list(FILTER sources EXCLUDE REGEX "/(jit|engine)_tcc\\.c$")
    endif()
    add_library(einc_${name} STATIC ${sources})
    target_compile_options(einc_${name} PRIVATE ${EINC_WARNINGS})
    einc_include_root(einc_${name} ${FOLDER_USES})
    target_include_directories(einc_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    foreach(used ${FOLDER_USES})
        target_link_libraries(einc_${name} PUBLIC einc_${used})
    endforeach()
endfunction()
