# Lexers and parsers are generated at build time and compiled without -Werror; they are not committed.
find_program(RE2C re2c REQUIRED)
find_program(LEMON lemon REQUIRED)
find_file(LEMON_TEMPLATE lempar.c PATHS /usr/share/lemon REQUIRED)

# einc_re2c(TARGET file.re): adds the generated lexer to the target.
function(einc_re2c target file)
    get_filename_component(name ${file} NAME_WE)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}_lexer.c)
    add_custom_command(OUTPUT ${output}
        COMMAND ${RE2C} --no-generation-date -W -o ${output} ${CMAKE_CURRENT_SOURCE_DIR}/${file}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file} VERBATIM)
    einc_generated(${target} ${output})
endfunction()

# einc_lemon(TARGET file.y): adds the generated parser (-c: no default reductions, so that a mistake is found at its token); its token header is <name>_parser.h in the build folder.
function(einc_lemon target file)
    get_filename_component(name ${file} NAME_WE)
    set(folder ${CMAKE_CURRENT_BINARY_DIR})
    add_custom_command(OUTPUT ${folder}/${name}_parser.c ${folder}/${name}_parser.h
        COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${folder}/${name}_parser.y
        COMMAND ${LEMON} -c -q -T${LEMON_TEMPLATE} -d${folder} ${folder}/${name}_parser.y
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file} VERBATIM)
    set_source_files_properties(${folder}/${name}_parser.h PROPERTIES GENERATED ON)
    einc_generated(${target} ${folder}/${name}_parser.c)
    target_sources(${target} PRIVATE ${folder}/${name}_parser.h)
endfunction()

function(einc_generated target file)
    set_source_files_properties(${file} PROPERTIES GENERATED ON COMPILE_OPTIONS "-w")
    target_sources(${target} PRIVATE ${file})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
