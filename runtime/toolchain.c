/* The system's C compiler, in a private temporary folder (mkdtemp) of which nothing is left afterwards. */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ARGUMENT_LIMIT = 64 };

const char *toolchain_path(const struct toolchain *toolchain, const char *name)
{
    return arena_printf(ir_arena(toolchain->context), "%s/%s", toolchain->folder, name);
}

bool toolchain_open(struct toolchain *toolchain, struct ir_context *context)
{
    const char *where = getenv("TMPDIR");
    *toolchain = (struct toolchain){.context = context};
    char *folder = arena_printf(ir_arena(context), "%s/einc-XXXXXX", where && *where ? where : "/tmp");
    if (!folder)
        return false;
    if (!mkdtemp(folder)) {
        diag_error(ir_diagnostics(context), DIAG_E0802, SPAN_NONE, "cannot make a temporary folder: %s", strerror(errno));
        return false;
    }
    toolchain->folder = folder;
    toolchain->object = toolchain_path(toolchain, "kernels.so");
    toolchain->messages = toolchain_path(toolchain, "messages");
    if (toolchain->object && toolchain->messages)
        return true;
    rmdir(folder);
    return false;
}

bool toolchain_write(struct toolchain *toolchain, const struct backend_file *files, size_t n_files)
{
    toolchain->files = files;
    toolchain->n_files = n_files;
    for (size_t k = 0; k < n_files; k++) {
        const char *path = toolchain_path(toolchain, files[k].name);
        if (!path || !file_write(toolchain->context, path, files[k].bytes, files[k].length))
            return false;
    }
    return true;
}

void toolchain_close(struct toolchain *toolchain)
{
    for (size_t k = 0; k < toolchain->n_files; k++) {
        const char *path = toolchain_path(toolchain, toolchain->files[k].name);
        if (path)
            unlink(path);
    }
    unlink(toolchain->object);
    unlink(toolchain->messages);
    rmdir(toolchain->folder);
}

/* ---- the compiler ---- */

static size_t split_words(struct arena *arena, const char *text, char **words, size_t count)
{
    char *copy = arena_strndup(arena, text, strlen(text));
    for (char *rest = NULL, *word = copy ? strtok_r(copy, " ", &rest) : NULL; word && count + 1 < ARGUMENT_LIMIT;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    return count;
}

/* `*started` says whether there was such a program. */
static bool spawn_and_wait(char **words, const char *messages, bool *started)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 1;
    *started = false;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    *started = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
               posix_spawn_file_actions_addopen(&actions, 1, messages, O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0 &&
               posix_spawn_file_actions_adddup2(&actions, 1, 2) == 0 &&
               posix_spawnp(&child, words[0], &actions, NULL, words, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    while (*started && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return *started && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool toolchain_run(struct toolchain *toolchain, const char *command, const char *const *words, size_t n_words)
{
    char *all[ARGUMENT_LIMIT] = {0};
    bool started = false;
    size_t count = command ? split_words(ir_arena(toolchain->context), command, all, 0) : 0;
    if (count == 0 || count + n_words >= ARGUMENT_LIMIT || arena_failed(ir_arena(toolchain->context)))
        return false;
    for (size_t k = 0; k < n_words; k++)
        all[count++] = (char *)words[k];
    return spawn_and_wait(all, toolchain->messages, &started);
}

static void report_compiler(struct toolchain *toolchain, const char *compiler, bool started)
{
    const char *messages = "";
    size_t length = 0;
    struct diagnostics *diagnostics = ir_diagnostics(toolchain->context);
    if (access(toolchain->messages, R_OK) == 0 &&
        !file_read(toolchain->context, toolchain->messages, (size_t)1 << 20, SPAN_NONE, &messages, &length))
        return;
    size_t line = strcspn(messages, "\n");
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0802, SPAN_NONE, "the C compiler `%s` %s%s%.*s", compiler,
                   started ? "failed" : "cannot be started", line ? ": " : "", (int)(line < 200 ? line : 200), messages);
    diag_help(diagnostics, diag, "name another one in the environment variable CC, or use --engine=ref");
}

bool toolchain_link(struct toolchain *toolchain, const char *compiler, const char *flags, const char *input)
{
    struct arena *arena = ir_arena(toolchain->context);
    char *words[ARGUMENT_LIMIT] = {0};
    bool started = false;
    if (!compiler)
        compiler = getenv("CC") ? getenv("CC") : "cc";
    size_t count = split_words(arena, compiler, words, 0);
    count = split_words(arena, flags, words, count);
    /* a kernel may be named like a function of the process, and yet calls its own */
    count = split_words(arena, "-shared -fPIC -Wl,-Bsymbolic -o", words, count);
    if (count + 4 > ARGUMENT_LIMIT)
        return false;
    words[count++] = (char *)toolchain->object;
    words[count++] = (char *)toolchain_path(toolchain, input);
    words[count++] = "-lm";
    if (spawn_and_wait(words, toolchain->messages, &started))
        return true;
    report_compiler(toolchain, compiler, started);
    return false;
}
