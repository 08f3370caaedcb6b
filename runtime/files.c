/* Whole files in and out. Reading is bounded; writing goes to a temporary file beside the target which is then renamed, so that a
 * reader sees the old file or the new one and a failure leaves nothing behind. Paths are the user's own words. */
#include "runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(struct ir_context *context, struct span span, const char *doing, const char *path)
{
    diag_error(ir_diagnostics(context), DIAG_E0810, span, "cannot %s `%s`: %s", doing, path, strerror(errno));
    return false;
}

static bool read_all(struct ir_context *context, FILE *file, const char *path, size_t limit, struct span span, struct text *text)
{
    char block[65536];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        if (text->length + got > limit) {
            diag_error(ir_diagnostics(context), DIAG_E0811, span, "`%s` is larger than %zu bytes", path, limit);
            return false;
        }
        text_put_bytes(text, block, got);
    }
    return ferror(file) ? fail(context, span, "read", path) : true;
}

/* A regular file's size is known, and its bytes are read without a detour. */
static bool read_sized(struct ir_context *context, FILE *file, const char *path, size_t size, struct span span, const char **bytes,
                       size_t *length)
{
    char *data = arena_alloc(ir_arena(context), size + 1, 1);
    if (!data)
        return false;
    *length = fread(data, 1, size, file);
    *bytes = data;
    return ferror(file) ? fail(context, span, "read", path) : true;
}

bool file_read(struct ir_context *context, const char *path, size_t limit, struct span span, const char **bytes, size_t *length)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file)
        return fail(context, span, "open", path);
    bool done;
    if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 0 && (uintmax_t)status.st_size <= limit) {
        done = read_sized(context, file, path, (size_t)status.st_size, span, bytes, length);
    } else {
        struct text text = text_create(ir_arena(context));
        done = read_all(context, file, path, limit, span, &text);
        *bytes = text_finish(&text);
        *length = text.length;
        done = done && *bytes;
    }
    fclose(file);
    return done;
}

bool file_is_regular(struct ir_context *context, const char *path, struct span span)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return fail(context, span, "open", path);
    if (S_ISREG(status.st_mode))
        return true;
    diag_error(ir_diagnostics(context), DIAG_E0810, span, "cannot read `%s`: %s", path,
               S_ISDIR(status.st_mode) ? strerror(EISDIR) : "it is no regular file");
    return false;
}

static bool write_and_close(int descriptor, const void *bytes, size_t length)
{
    FILE *file = fdopen(descriptor, "wb");
    if (!file) {
        close(descriptor);
        return false;
    }
    bool written = fwrite(bytes, 1, length, file) == length;
    int reason = errno;
    bool closed = fclose(file) == 0;
    if (!written)
        errno = reason;
    return written && closed;
}

/* A fresh file beside `path` would be made with mode 0600; the umask decides as for any other new file. */
static void widen_mode(const char *temporary)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)chmod(temporary, 0666 & ~mask);
}

static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/* /dev/stdout, a pipe: nothing to rename onto. */
static bool write_special(struct ir_context *context, const struct file_content *content)
{
    FILE *file = fopen(content->path, "wb");
    if (!file)
        return fail(context, SPAN_NONE, "write", content->path);
    bool written = fwrite(content->bytes, 1, content->length, file) == content->length;
    return fclose(file) == 0 && written ? true : fail(context, SPAN_NONE, "write", content->path);
}

/* The name of a file beside, complete; NULL after a diagnostic, and nothing is left. */
static char *write_beside(struct ir_context *context, const struct file_content *content)
{
    struct stat status;
    char *temporary = arena_printf(ir_arena(context), "%s.XXXXXX", content->path);
    if (stat(content->path, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return fail(context, SPAN_NONE, "write", content->path), NULL;
    }
    int descriptor = temporary ? mkstemp(temporary) : -1;
    if (descriptor < 0)
        return fail(context, SPAN_NONE, "write", content->path), NULL;
    if (!write_and_close(descriptor, content->bytes, content->length)) {
        int reason = errno;
        unlink(temporary);
        errno = reason;
        return fail(context, SPAN_NONE, "write", content->path), NULL;
    }
    widen_mode(temporary);
    return temporary;
}

/* A file on its way: written beside, then renamed; what was there before has a second name until all are in place. */
struct move {
    char *temporary; /* NULL: a special file, written directly */
    char *kept;      /* the old file's second name; NULL: there was none, or the file system has no links */
    bool there;      /* under its own name */
};

static bool prepare(struct ir_context *context, const struct file_content *content, struct move *move)
{
    if (is_special(content->path))
        return true;
    move->temporary = write_beside(context, content);
    char *kept = move->temporary ? arena_printf(ir_arena(context), "%s~", move->temporary) : NULL;
    if (kept && link(content->path, kept) == 0)
        move->kept = kept;
    return kept != NULL;
}

static bool put_in_place(struct ir_context *context, const struct file_content *content, struct move *move)
{
    if (!move->temporary)
        return write_special(context, content);
    move->there = rename(move->temporary, content->path) == 0;
    return move->there || fail(context, SPAN_NONE, "write", content->path);
}

/* Names that were for the way only go; of a failure, so does what it got in place. */
static void finish(const struct file_content *content, const struct move *move, bool good)
{
    if (move->temporary && !move->there)
        unlink(move->temporary);
    if (!good && move->there && !(move->kept && rename(move->kept, content->path) == 0))
        unlink(content->path);
    if (move->kept)
        unlink(move->kept);
}

bool file_write_all(struct ir_context *context, const struct file_content *files, size_t n_files)
{
    struct move *moves = ARENA_ARRAY(ir_arena(context), n_files, struct move);
    bool good = moves != NULL;
    for (size_t k = 0; k < n_files && good; k++)
        good = prepare(context, &files[k], &moves[k]);
    for (size_t k = 0; k < n_files && good; k++)
        good = put_in_place(context, &files[k], &moves[k]);
    for (size_t k = 0; k < n_files && moves; k++)
        finish(&files[k], &moves[k], good);
    return good;
}

bool file_write(struct ir_context *context, const char *path, const void *bytes, size_t length)
{
    struct file_content content = {path, bytes, length};
    return file_write_all(context, &content, 1);
}
