/* Put before `einc` with LD_PRELOAD: its n-th call to the system for a file, a folder or a process fails (EINC_FAIL_AT=n), as on a
 * broken or full disk. With EINC_FAIL_LOG the name of every such call goes to that file, a line each. Calls that only clean up
 * (unlink, rmdir) succeed: what they leave when they fail nobody can take away. The compiler that engine c starts is not touched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static long calls, fail_at = -1;
static int log_file = -1;

__attribute__((constructor)) static void prepare(void)
{
    const char *at = getenv("EINC_FAIL_AT"), *path = getenv("EINC_FAIL_LOG");
    if (path)
        log_file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fail_at = at ? atol(at) : -1;
    unsetenv("LD_PRELOAD");
}

static int fails(const char *name, int reason)
{
    int kept = errno;
    if (log_file >= 0 && (write(log_file, name, strlen(name)) < 0 || write(log_file, "\n", 1) < 0))
        abort();
    errno = kept;
    if (++calls != fail_at)
        return 0;
    errno = reason;
    return 1;
}

/* Defines `type name(parameters)`, which fails with `reason` and `result`, else calls the true one. */
#define CALL(type, name, parameters, arguments, reason, result)                                                                    \
    type name parameters                                                                                                           \
    {                                                                                                                              \
        type(*next) parameters;                                                                                                    \
        *(void **)&next = dlsym(RTLD_NEXT, #name);                                                                                 \
        return fails(#name, reason) ? (result) : next arguments;                                                                   \
    }

CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), EACCES, NULL)
CALL(FILE *, fdopen, (int descriptor, const char *mode), (descriptor, mode), ENOMEM, NULL)
CALL(int, stat, (const char *path, struct stat *status), (path, status), EIO, -1)
CALL(int, fstat, (int descriptor, struct stat *status), (descriptor, status), EIO, -1)
CALL(int, mkstemp, (char *name), (name), ENOSPC, -1)
CALL(char *, mkdtemp, (char *name), (name), EACCES, NULL)
CALL(int, rename, (const char *from, const char *to), (from, to), EIO, -1)
CALL(int, link, (const char *from, const char *to), (from, to), EPERM, -1)
CALL(int, chmod, (const char *path, mode_t mode), (path, mode), EPERM, -1)
CALL(int, access, (const char *path, int mode), (path, mode), EIO, -1)
CALL(void *, dlopen, (const char *path, int mode), (path, mode), EIO, NULL)
CALL(pid_t, waitpid, (pid_t child, int *status, int options), (child, status, options), EINTR, -1)
CALL(int, posix_spawn_file_actions_init, (posix_spawn_file_actions_t * actions), (actions), ENOMEM, ENOMEM)
CALL(int, posix_spawnp,
     (pid_t * child, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const words[], char *const environment[]),
     (child, file, actions, attributes, words, environment), EAGAIN, EAGAIN)

/* Half of it, then an error that ferror shows. */
size_t fread(void *bytes, size_t size, size_t count, FILE *file)
{
    size_t (*next)(void *, size_t, size_t, FILE *);
    *(void **)&next = dlsym(RTLD_NEXT, "fread");
    if (!fails("fread", EIO))
        return next(bytes, size, count, file);
    size_t got = next(bytes, size, count / 2, file);
    file->_flags |= 0x20;
    errno = EIO;
    return got;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file)
{
    size_t (*next)(const void *, size_t, size_t, FILE *);
    *(void **)&next = dlsym(RTLD_NEXT, "fwrite");
    if (file == stderr || !fails("fwrite", ENOSPC))
        return next(bytes, size, count, file);
    size_t put = next(bytes, size, count / 2, file);
    file->_flags |= 0x20;
    errno = ENOSPC;
    return put;
}

/* The file is closed all the same, as POSIX has it. */
int fclose(FILE *file)
{
    int (*next)(FILE *);
    *(void **)&next = dlsym(RTLD_NEXT, "fclose");
    int fail = fails("fclose", EIO), result = next(file);
    errno = fail ? EIO : errno;
    return fail ? EOF : result;
}

int fflush(FILE *file)
{
    int (*next)(FILE *);
    *(void **)&next = dlsym(RTLD_NEXT, "fflush");
    return file == stdout && fails("fflush", ENOSPC) ? EOF : next(file);
}
