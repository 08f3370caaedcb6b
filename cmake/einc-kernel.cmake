# einc_add_kernel(TARGET FILE.ein [EMIT c|obj] [TARGET NAME] [OPTIONS option ...] [DEPENDS file ...])
#
# Adds the kernels of FILE.ein to TARGET: `einc build` makes FILE.c (EMIT obj: FILE.o, machine code by LLVM) and FILE.h, which TARGET's
# sources include as "FILE.h". TARGET after the file is the machine (`einc build --target=NAME`), OPTIONS are further ones of
# `einc build`, and DEPENDS names what the source reads by file("..."). Code for several threads (--threads=openmp) needs OpenMP linked.
function(einc_add_kernel target file)
    cmake_parse_arguments(PARSE_ARGV 2 KERNEL "" "EMIT;TARGET" "OPTIONS;DEPENDS")
    if(KERNEL_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "einc_add_kernel: unknown words ${KERNEL_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT KERNEL_EMIT)
        set(KERNEL_EMIT c)
    elseif(NOT KERNEL_EMIT MATCHES "^(c|obj)$")
        message(FATAL_ERROR "einc_add_kernel: EMIT is c or obj, not ${KERNEL_EMIT}")
    endif()
    if(KERNEL_TARGET)
        list(PREPEND KERNEL_OPTIONS --target=${KERNEL_TARGET})
    endif()
    get_filename_component(file ${file} ABSOLUTE)
    get_filename_component(name ${file} NAME_WE)
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}_kernels)
    string(REPLACE obj o extension ${KERNEL_EMIT})
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${folder}/${name}.${extension} ${folder}/${name}.h
        COMMAND einc::command build ${file} --emit=${KERNEL_EMIT} -o ${folder}/${name}.${extension} ${KERNEL_OPTIONS}
        DEPENDS ${file} ${KERNEL_DEPENDS} einc::command
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} COMMENT "einc build ${name}.ein" VERBATIM)
    if(KERNEL_EMIT STREQUAL "obj")
        set_source_files_properties(${folder}/${name}.o PROPERTIES EXTERNAL_OBJECT TRUE)
    endif()
    target_sources(${target} PRIVATE ${folder}/${name}.${extension} ${folder}/${name}.h)
    target_include_directories(${target} PRIVATE ${folder})
    target_link_libraries(${target} PRIVATE m)
endfunction()
