# Completion of einc's commands, options and files in bash. What there is to choose from, the command says itself: its help.
_einc()
{
    local command=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words="--help --version $("$command" --help 2>/dev/null | sed -n 's/^  \([a-z-]*\)  .*/\1/p')"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    # `=` parts words, as bash is set up
    local option=$before
    [[ $word == = ]] && word=
    [[ $before == = ]] && option=${COMP_WORDS[COMP_CWORD - 2]}
    [[ ${COMP_WORDS[COMP_CWORD]} == = ]] && option=$before
    case $option in
    --engine) words=$("$command" --version 2>/dev/null | sed -n 's/^engines: //p') ;;
    --emit) words="c h main ein tensor loop he he_json llvm bc asm obj so" ;;
    --weights) words="inline extern file" ;;
    --ring) words="plustimes minplus maxplus orand" ;;
    --diagnostics) words="json text" ;;
    --threads) words="none openmp" ;;
    --target) words="generic avx2 avx512 neon embedded cortex-m0 cortex-m4 cortex-m7 cortex-m55 rv32 host $(compgen -f -- "$word")" ;;
    *)
        if [[ $word == -* ]]; then
            words=$("$command" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^  \(--\{0,1\}[a-z][a-z-]*=\{0,1\}\).*/\1/p')
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
            [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            compopt -o filenames 2>/dev/null
        fi
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _einc einc
