/* Values of quasi-polynomials, pointers and expressions that were made already, so that each is made once where it is visible.
 *
 * Scopes follow the blocks of the emitted code: closing one forgets, last first, what was made since it was opened. */
#include "llvm_internal.h"

enum { MEMO_SLOTS = 1 << 10 };

static uint64_t key_of(enum llvm_memo_kind kind, uint32_t id, uint32_t buffer)
{
    return (uint64_t)id << 32 | (uint64_t)buffer << 3 | (uint64_t)kind;
}

static size_t slot_of(uint64_t key)
{
    return hash_slot(hash_mix(key, key >> 32), MEMO_SLOTS);
}

bool llvm_memo_create(struct llvm_memo *memo, struct arena *arena)
{
    *memo = (struct llvm_memo){.arena = arena, .slots = ARENA_ARRAY(arena, MEMO_SLOTS, size_t)};
    return memo->slots != NULL;
}

LLVMValueRef llvm_memo_find(const struct llvm_memo *memo, enum llvm_memo_kind kind, uint32_t id, uint32_t buffer)
{
    uint64_t key = key_of(kind, id, buffer);
    for (size_t at = memo->slots[slot_of(key)]; at; at = memo->entries[at - 1].previous)
        if (memo->entries[at - 1].key == key)
            return memo->entries[at - 1].value;
    return NULL;
}

void llvm_memo_add(struct llvm_memo *memo, enum llvm_memo_kind kind, uint32_t id, uint32_t buffer, LLVMValueRef value)
{
    uint64_t key = key_of(kind, id, buffer);
    size_t *slot = &memo->slots[slot_of(key)];
    struct llvm_memo_entry entry = {key, value, *slot};
    if (ARENA_PUSH(memo->arena, memo->entries, memo->count, memo->capacity, entry))
        *slot = memo->count;
}

size_t llvm_memo_open(const struct llvm_memo *memo)
{
    return memo->count;
}

void llvm_memo_close(struct llvm_memo *memo, size_t scope)
{
    while (memo->count > scope) {
        const struct llvm_memo_entry *last = &memo->entries[--memo->count];
        memo->slots[slot_of(last->key)] = last->previous;
    }
}
