/* Einsums by string, with the kernels made for them.
 *
 * A kernel is kept under its key: the string, and type, shape and strides of each tensor. The table is bounded: what was used
 * longest ago goes first. One lock guards it, held for a look only; who wants a kernel that another thread is making waits for that
 * one. */
#include "library.h"

#include <string.h>

enum { EINSUM_LIMIT = 512, EINSUM_SLOTS = 1024, SMALL_KEY = 128 };

struct einsum {
    struct einsum *next;          /* in its slot */
    struct einsum *newer, *older; /* by last use */
    struct einc_program *program; /* NULL: it is being made */
    size_t users;                 /* it stays while there are any */
    bool is_out;                  /* of the table: the last user destroys it */
    uint64_t hash;
    size_t n_words;
    int64_t key[];
};

struct library_einsums {
    struct einc_context *context;
    pthread_mutex_t lock;
    pthread_cond_t made;
    struct einsum *slots[EINSUM_SLOTS];
    struct einsum *newest, *oldest;
    size_t count;
};

struct library_einsums *library_einsums_create(struct einc_context *context)
{
    struct library_einsums *einsums = ARENA_NEW(context->arena, struct library_einsums);
    if (!einsums)
        return NULL;
    einsums->context = context;
    pthread_mutex_init(&einsums->lock, NULL);
    pthread_cond_init(&einsums->made, NULL);
    return einsums;
}

static void einsum_destroy(const struct library_einsums *einsums, struct einsum *einsum)
{
    if (einsum)
        einc_program_destroy(einsum->program);
    library_release(einsums->context, einsum);
}

void library_einsums_destroy(struct library_einsums *einsums)
{
    if (!einsums)
        return;
    for (struct einsum *einsum = einsums->newest, *older; einsum; einsum = older) {
        older = einsum->older;
        einsum_destroy(einsums, einsum);
    }
    pthread_cond_destroy(&einsums->made);
    pthread_mutex_destroy(&einsums->lock);
}

/* ---- keys ---- */

struct key {
    int64_t *words;
    size_t n_words;
    uint64_t hash;
    int64_t small[SMALL_KEY];
};

/* NULL where there is no memory, or a tensor is none at all. */
static size_t key_length(const char *string, size_t n_tensors, const DLTensor *const *tensors)
{
    size_t n_words = 2 + strlen(string) / sizeof(int64_t) + 1;
    for (size_t k = 0; k < n_tensors; k++) {
        const DLTensor *tensor = tensors[k];
        if (!tensor || tensor->ndim < 0 || tensor->ndim > LIBRARY_RANK || (tensor->ndim > 0 && !tensor->shape))
            return 0;
        n_words += 2 + 2 * (size_t)tensor->ndim;
    }
    return n_words;
}

/* False: no memory, or no key. */
static bool key_open(struct key *key, const struct einc_context *context, const char *string, size_t n_tensors,
                     const DLTensor *const *tensors)
{
    size_t at = 0, length = strlen(string);
    key->n_words = n_tensors <= FRONTEND_OPERANDS ? key_length(string, n_tensors, tensors) : 0;
    key->words = key->n_words <= SMALL_KEY ? key->small : library_allocate(context, key->n_words, sizeof *key->words);
    if (!key->n_words || !key->words)
        return false;
    key->words[at++] = (int64_t)n_tensors;
    for (size_t k = 0; k < n_tensors; k++) {
        const DLTensor *tensor = tensors[k];
        bool dense = library_is_dense(tensor);
        key->words[at++] = tensor->dtype.code | tensor->dtype.bits << 8 | (int64_t)tensor->dtype.lanes << 16;
        key->words[at++] = (int64_t)dense << 48 | (int64_t)tensor->ndim << 32 | (int64_t)tensor->device.device_type;
        for (int axis = 0; axis < tensor->ndim; axis++)
            key->words[at++] = tensor->shape[axis];
        for (int axis = 0; axis < tensor->ndim; axis++) /* where it is dense, or has one element there, no stride matters */
            key->words[at++] = dense || tensor->shape[axis] == 1 ? 0 : tensor->strides[axis];
    }
    key->words[at++] = (int64_t)length;
    key->words[key->n_words - 1] = 0;
    memcpy(&key->words[at], string, length);
    key->hash = hash_bytes(0, key->words, key->n_words * sizeof *key->words);
    return true;
}

static void key_close(struct key *key, const struct einc_context *context)
{
    if (key->words != key->small)
        library_release(context, key->words);
}

/* ---- the table; all under its lock ---- */

static struct einsum **slot_of(struct library_einsums *einsums, const struct key *key)
{
    struct einsum **slot = &einsums->slots[hash_slot(key->hash, EINSUM_SLOTS)];
    while (*slot && ((*slot)->hash != key->hash || (*slot)->n_words != key->n_words ||
                     memcmp((*slot)->key, key->words, key->n_words * sizeof *key->words) != 0))
        slot = &(*slot)->next;
    return slot;
}

static void unlink_use(struct library_einsums *einsums, struct einsum *einsum)
{
    *(einsum->newer ? &einsum->newer->older : &einsums->newest) = einsum->older;
    *(einsum->older ? &einsum->older->newer : &einsums->oldest) = einsum->newer;
}

static void link_use(struct library_einsums *einsums, struct einsum *einsum)
{
    einsum->newer = NULL;
    einsum->older = einsums->newest;
    *(einsums->newest ? &einsums->newest->newer : &einsums->oldest) = einsum;
    einsums->newest = einsum;
}

static void take_out(struct library_einsums *einsums, struct einsum *einsum)
{
    struct einsum **slot = &einsums->slots[hash_slot(einsum->hash, EINSUM_SLOTS)];
    while (*slot != einsum)
        slot = &(*slot)->next;
    *slot = einsum->next;
    unlink_use(einsums, einsum);
    einsums->count--;
    einsum->is_out = true;
}

/* The one used longest ago, taken out, where there are too many; NULL: there are not, or all are in use. */
static struct einsum *take_oldest(struct library_einsums *einsums)
{
    struct einsum *einsum = einsums->count > EINSUM_LIMIT ? einsums->oldest : NULL;
    while (einsum && einsum->users)
        einsum = einsum->newer;
    if (einsum)
        take_out(einsums, einsum);
    return einsum;
}

static struct einsum *add(struct library_einsums *einsums, const struct key *key, struct einsum **slot)
{
    struct einsum *einsum = library_allocate(einsums->context, 1, sizeof *einsum + key->n_words * sizeof *key->words);
    if (!einsum)
        return NULL;
    *einsum = (struct einsum){.hash = key->hash, .n_words = key->n_words, .users = 1};
    memcpy(einsum->key, key->words, key->n_words * sizeof *key->words);
    *slot = einsum;
    link_use(einsums, einsum);
    einsums->count++;
    return einsum;
}

/* ---- finding and making ---- */

static enum einc_status make(struct library_einsums *einsums, struct einsum *einsum, const char *string, size_t n_tensors,
                             const DLTensor *const *tensors)
{
    struct einc_program *program;
    enum einc_status status = einc_compile_einsum(einsums->context, string, n_tensors, tensors, NULL, &program);
    pthread_mutex_lock(&einsums->lock);
    if (status == EINC_OK)
        einsum->program = program;
    else
        take_out(einsums, einsum);
    struct einsum *dropped = status == EINC_OK ? take_oldest(einsums) : einsum;
    pthread_cond_broadcast(&einsums->made);
    pthread_mutex_unlock(&einsums->lock);
    einsum_destroy(einsums, dropped);
    return status;
}

/* Where it is EINC_OK, the caller gives the einsum back to `release`. */
static enum einc_status acquire(struct library_einsums *einsums, const char *string, size_t n_tensors,
                                const DLTensor *const *tensors, struct einsum **found)
{
    struct key key;
    struct einc_program *program;
    if (!key_open(&key, einsums->context, string, n_tensors, tensors)) {
        /* compiling says what is wrong */
        enum einc_status status = einc_compile_einsum(einsums->context, string, n_tensors, tensors, NULL, &program);
        einc_program_destroy(program);
        return status == EINC_OK ? EINC_NO_MEMORY : status;
    }
    pthread_mutex_lock(&einsums->lock);
    struct einsum **slot = slot_of(einsums, &key);
    for (; *slot && !(*slot)->program; slot = slot_of(einsums, &key))
        pthread_cond_wait(&einsums->made, &einsums->lock);
    bool known = *slot != NULL;
    struct einsum *einsum = known ? *slot : add(einsums, &key, slot);
    if (known) {
        einsum->users++;
        unlink_use(einsums, einsum);
        link_use(einsums, einsum);
    }
    pthread_mutex_unlock(&einsums->lock);
    key_close(&key, einsums->context);
    *found = einsum;
    if (known || !einsum)
        return known ? EINC_OK : EINC_NO_MEMORY;
    return make(einsums, einsum, string, n_tensors, tensors);
}

/* What the last run said: a program that has no memory any more is not kept. */
static void release(struct library_einsums *einsums, struct einsum *einsum, enum einc_status status)
{
    bool is_spent = status == EINC_NO_MEMORY && library_is_spent(einsum->program);
    pthread_mutex_lock(&einsums->lock);
    einsum->users--;
    if (is_spent && !einsum->is_out)
        take_out(einsums, einsum);
    struct einsum *dropped = !einsum->is_out ? take_oldest(einsums) : einsum->users ? NULL : einsum;
    pthread_mutex_unlock(&einsums->lock);
    einsum_destroy(einsums, dropped);
}

/* ---- einc.h ---- */

static enum einc_status refuse_output(const struct einc_program *program, const char *reason)
{
    struct ir_context *report = library_report_context(program);
    if (report)
        diag_error(ir_diagnostics(report), DIAG_E0851, SPAN_NONE, "the tensor given for `out` %s", reason);
    enum einc_status status = report ? library_report(program->context, report) : EINC_NO_MEMORY;
    ir_context_destroy(report);
    return status;
}

/* Could it be the result, but for its strides? What it could not be is refused as a tensor of the kernel. */
static bool goes_apart(const struct einc_kernel *kernel, const DLTensor *out)
{
    const struct library_argument *result = &kernel->arguments[kernel->n_arguments - 1];
    return out && out->data && out->strides && out->shape && (uint32_t)out->ndim == result->node->rank &&
           memcmp(out->shape, result->shape, (size_t)out->ndim * sizeof *out->shape) == 0 && !library_is_dense(out);
}

/* Into dense memory first, then to where `out` has its elements. The last of `all` stands for it. */
static enum einc_status run_apart(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor **all, const DLTensor *out)
{
    const struct einc_program *program = kernel->program;
    int64_t count, bytes;
    DLTensor dense = *out;
    if (!library_extent(out, &count, &bytes) || !library_is_injective(out))
        return refuse_output(program, "has a negative stride, or two elements in one place");
    dense.strides = NULL;
    dense.byte_offset = 0;
    dense.data = library_allocate(program->context, (size_t)count, out->dtype.bits / 8);
    if (!dense.data)
        return EINC_NO_MEMORY;
    all[n_tensors] = &dense;
    enum einc_status status = einc_kernel_run(kernel, n_tensors + 1, all, NULL);
    if (status == EINC_OK)
        library_scatter(dense.data, out);
    library_release(program->context, dense.data);
    return status;
}

static enum einc_status run(const struct einc_program *program, size_t n_tensors, const DLTensor *const *tensors,
                            const DLTensor *out)
{
    const DLTensor *small[LIBRARY_SMALL_ARGUMENTS], **all = small;
    const struct einc_kernel *kernel = &program->kernels[0];
    if (n_tensors + 1 > LIBRARY_SMALL_ARGUMENTS)
        all = library_allocate(program->context, n_tensors + 1, sizeof *all);
    if (!all)
        return EINC_NO_MEMORY;
    if (n_tensors)
        memcpy(all, tensors, n_tensors * sizeof *all);
    all[n_tensors] = out;
    enum einc_status status =
        goes_apart(kernel, out) ? run_apart(kernel, n_tensors, all, out) : einc_kernel_run(kernel, n_tensors + 1, all, NULL);
    if (all != small)
        library_release(program->context, all);
    return status;
}

enum einc_status einc_einsum(struct einc_context *context, const char *string, size_t n_tensors, const DLTensor *const *tensors,
                             const DLTensor *out)
{
    struct einsum *einsum;
    enum einc_status status = acquire(context->einsums, string, n_tensors, tensors, &einsum);
    if (status != EINC_OK)
        return status;
    status = run(einsum->program, n_tensors, tensors, out);
    release(context->einsums, einsum, status);
    return status;
}

enum einc_status einc_einsum_result(struct einc_context *context, const char *string, size_t n_tensors,
                                    const DLTensor *const *tensors, DLDataType *type, int *rank, int64_t *shape)
{
    struct einsum *einsum;
    enum einc_status status = acquire(context->einsums, string, n_tensors, tensors, &einsum);
    if (status != EINC_OK)
        return status;
    const struct einc_kernel *kernel = &einsum->program->kernels[0];
    const struct library_argument *out = &kernel->arguments[kernel->n_arguments - 1];
    *type = library_type(out->node->elem);
    *rank = (int)out->node->rank;
    memcpy(shape, out->shape, out->node->rank * sizeof *shape);
    release(context->einsums, einsum, EINC_OK);
    return EINC_OK;
}
