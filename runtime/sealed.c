/* A shared object that another process made, loaded from sealed memory of our own: nothing changes it between a look and its use,
 * and nothing of it is left on the disk. memfd_create(2), F_SEAL_WRITE in fcntl(2). */
#define _GNU_SOURCE
#include "runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool write_all(int file, const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR)
            return false;
        bytes += written < 0 ? 0 : written;
        length -= written < 0 ? 0 : (size_t)written;
    }
    return true;
}

static int seal(const char *bytes, size_t length)
{
    int file = memfd_create("einc kernels", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return -1;
    if (write_all(file, bytes, length) && fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return file;
    close(file);
    return -1;
}

bool sealed_load(struct ir_context *context, const char *path, struct sealed *sealed)
{
    enum { OBJECT_BYTES = 1 << 30 };
    const char *bytes;
    size_t length;
    *sealed = (struct sealed){NULL, -1};
    if (!file_read(context, path, OBJECT_BYTES, SPAN_NONE, &bytes, &length))
        return false;
    sealed->file = seal(bytes, length);
    const char *reason = sealed->file < 0 ? strerror(errno) : NULL;
    const char *name = arena_printf(ir_arena(context), "/proc/self/fd/%d", sealed->file);
    if (sealed->file >= 0 && name) {
        sealed->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        reason = sealed->library ? NULL : dlerror();
    }
    if (sealed->library)
        return true;
    diag_error(ir_diagnostics(context), DIAG_E0802, SPAN_NONE, "cannot load the compiled kernels: %s",
               reason ? reason : "for no reason the system gives");
    sealed_close(sealed);
    return false;
}

void sealed_close(struct sealed *sealed)
{
    if (sealed->library)
        dlclose(sealed->library);
    if (sealed->file >= 0)
        close(sealed->file);
    *sealed = (struct sealed){NULL, -1};
}
