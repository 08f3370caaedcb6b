/* Parallel loops: a loop over threads with each one's share of the iterations inside. Thread t of T does the iterations from t*n/T
 * up to (t+1)*n/T, whichever of OpenMP's threads runs it, and if OpenMP grants fewer, or the file is compiled without it, one runs
 * several shares: the results are the same. Each share has its own part of the workspace. */
#include "backends_internal.h"

/* thread * n / threads */
static void put_bound(struct c_kernel *kernel, struct text *text, const struct loop_stmt *loop, bool end)
{
    text_printf(text, end ? "(%s + 1) * " : "%s * ", kernel->thread);
    c_put_extent(kernel, text, loop->loop.end, C_UNARY);
    text_printf(text, " / %s", kernel->threads);
}

void c_put_share(struct c_kernel *kernel, struct text *text, const struct loop_stmt *loop, const char *name)
{
    text_printf(text, "for (size_t %s = ", name);
    put_bound(kernel, text, loop, false);
    text_printf(text, "; %s < ", name);
    put_bound(kernel, text, loop, true);
    text_printf(text, "; %s++)", name);
}

void c_put_streamed_share(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop)
{
    const struct loop_stmt *store = loop->loop.body;
    const char *first = c_scope_name(kernel, "first"), *last = c_scope_name(kernel, "last");
    c_indent(text, depth);
    text_printf(text, "const size_t %s = ", first);
    put_bound(kernel, text, loop, false);
    text_printf(text, ", %s = ", last);
    put_bound(kernel, text, loop, true);
    text_put(text, ";\n");
    kernel->indices[loop->loop.index] = first;
    const char *bytes =
        arena_printf(kernel->file->arena, "(%s - %s) * %d", last, first, (int)ir_elem_info(store->store.value->elem)->bytes);
    const char *statement = bytes ? c_streamed_row_statement(kernel, loop, bytes) : NULL;
    kernel->indices[loop->loop.index] = NULL;
    c_indent(text, depth);
    text_printf(text, "%s\n", statement ? statement : "");
}

void c_put_threads(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop, const char *body)
{
    kernel->uses_threads = true;
    text_printf(text, "#ifdef _OPENMP\n#pragma omp parallel for num_threads((int)%s) schedule(static, 1)\n#endif\n",
                kernel->threads);
    c_indent(text, depth);
    text_printf(text, "for (size_t %s = 0; %s < %s; %s++) {\n", kernel->thread, kernel->thread, kernel->threads, kernel->thread);
    c_put_private_scratch(kernel, text, depth + 1, loop);
    text_put(text, body);
    if (kernel->streams) {
        c_indent(text, depth + 1);
        text_put(text, "finish_streams();\n");
    }
    c_indent(text, depth);
    text_put(text, "}\n");
}
