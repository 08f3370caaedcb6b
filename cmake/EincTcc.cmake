# The engine tcc: runtime/jit_tcc.c and libtcc.a, which becomes one object file beside it. That shows the functions that are called, alone,
# since names such as `tok` and `file` would meet others in programs that link the library; and calls some of the system under names
# that jit_tcc.c defines, which says why.
function(einc_find_tcc result)
    find_path(EINC_TCC_INCLUDE libtcc.h)
    find_library(EINC_TCC_ARCHIVE libtcc.a)
    set(${result} OFF PARENT_SCOPE)
    if(EINC_TCC_INCLUDE AND EINC_TCC_ARCHIVE AND CMAKE_OBJCOPY AND CMAKE_LINKER)
        set(${result} ON PARENT_SCOPE)
    endif()
endfunction()

function(einc_add_tcc target)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/libtcc.o)
    set(options "")
    foreach(name new delete set_error_func set_options set_output_type add_symbol compile_string relocate list_symbols)
        list(APPEND options --keep-global-symbol=tcc_${name})
    endforeach()
    foreach(name mprotect dlsym stdout stderr environ)
        list(APPEND options --redefine-sym ${name}=jit_tcc_${name})
    endforeach()
    add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_LINKER} -r --whole-archive ${EINC_TCC_ARCHIVE} -o ${object}
        COMMAND ${CMAKE_OBJCOPY} ${options} ${object}
        DEPENDS ${EINC_TCC_ARCHIVE} VERBATIM)
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
    target_sources(${target} PRIVATE ${object})
    target_include_directories(${target} SYSTEM PRIVATE ${EINC_TCC_INCLUDE})
    find_package(Threads REQUIRED)
    target_link_libraries(${target} PUBLIC Threads::Threads m)
endfunction()
