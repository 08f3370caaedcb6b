/* The arena: all memory of one compilation, and text that grows in it.
 *
 * Blocks come from the allocator, each at least as large as the one before up to a limit; an allocation larger than a quarter of a
 * block gets a block of its own, so that little is wasted. Everything is zeroed and aligned for any type. The first failed
 * allocation marks the arena as failed for good: later ones give NULL even where they would fit, so that a program that ran out of
 * memory cannot go on half built. Nothing is released before the arena is.
 *
 * Under AddressSanitizer each allocation is a heap block of its own to the tool: what is not handed out is poisoned, and a gap
 * stays behind everything that is. */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1 /* as gcc says it */
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(memory, size)   ((void)(memory), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
enum { GAP = 0 };
#endif

enum { FIRST_BLOCK = 1 << 14, LARGEST_BLOCK = 1 << 20 };

struct block {
    struct block *next;
    size_t size;
    max_align_t data[];
};

struct arena {
    struct einc_allocator allocator;
    struct block *blocks;
    char *free; /* in the newest shared block */
    size_t left;
    size_t block_size; /* of the next shared block */
    size_t largest_block;
    bool failed;
};

static void *default_allocate(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

struct arena *arena_create(const struct einc_allocator *allocator)
{
    static const struct einc_allocator standard = {.allocate = default_allocate, .release = default_release};
    if (!allocator)
        allocator = &standard;
    struct arena *arena = allocator->allocate(allocator->user, sizeof *arena);
    if (!arena)
        return NULL;
    bool chosen = allocator->block_size > 0;
    *arena = (struct arena){.allocator = *allocator,
                            .block_size = chosen ? allocator->block_size : FIRST_BLOCK,
                            .largest_block = chosen ? allocator->block_size : LARGEST_BLOCK};
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    struct einc_allocator allocator = arena->allocator;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
        allocator.release(allocator.user, block);
    }
    allocator.release(allocator.user, arena);
}

const struct einc_allocator *arena_allocator(const struct arena *arena)
{
    return arena ? &arena->allocator : NULL;
}

bool arena_failed(const struct arena *arena)
{
    return !arena || arena->failed;
}

void arena_fail(struct arena *arena)
{
    if (arena)
        arena->failed = true;
}

static char *new_block(struct arena *arena, size_t size)
{
    struct block *block = NULL;
    if (size <= SIZE_MAX - sizeof *block)
        block = arena->allocator.allocate(arena->allocator.user, sizeof *block + size);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    *block = (struct block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    ASAN_POISON_MEMORY_REGION(block->data, size);
    return (char *)block->data;
}

static void *take(struct arena *arena, size_t size)
{
    if (size > arena->left && size > arena->block_size / 4)
        return new_block(arena, size);
    if (size > arena->left) {
        char *fresh = new_block(arena, arena->block_size);
        if (!fresh)
            return NULL;
        arena->free = fresh;
        arena->left = arena->block_size;
        if (arena->block_size < arena->largest_block)
            arena->block_size *= 2;
    }
    char *memory = arena->free;
    arena->free += size;
    arena->left -= size;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    if (arena_failed(arena))
        return NULL;
    size_t alignment = _Alignof(max_align_t), bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    size_t room = bytes ? (bytes + alignment - 1) / alignment * alignment : alignment;
    void *memory = take(arena, room + GAP);
    if (!memory)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
    return memset(memory, 0, bytes);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t count, size_t size)
{
    void *copy = arena_alloc(arena, count, size);
    if (copy && count && size)
        memcpy(copy, bytes, count * size);
    return copy;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    if (!text || length == SIZE_MAX)
        return NULL;
    char *copy = arena_alloc(arena, length + 1, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    struct text text = text_create(arena);
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(&text, format, arguments);
    va_end(arguments);
    if (text.data)
        return text.data;
    return arena_alloc(arena, 1, 1); /* nothing was printed, or memory ran out */
}

bool arena_grow(struct arena *arena, void **items, size_t count, size_t *capacity, size_t item_size)
{
    if (arena_failed(arena))
        return false;
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = arena_alloc(arena, wanted, item_size);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *items, count * item_size);
    *items = grown;
    *capacity = wanted;
    return true;
}

/* ---- text ---- */

struct text text_create(struct arena *arena)
{
    return (struct text){.arena = arena};
}

/* Room for `more` bytes and the terminator. */
static bool text_reserve(struct text *text, size_t more)
{
    if (arena_failed(text->arena) || more > SIZE_MAX / 4 - text->length) {
        if (text->arena)
            text->arena->failed = true;
        text->data = NULL;
        return false;
    }
    if (text->data && text->length + more + 1 <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 64;
    while (capacity < text->length + more + 1)
        capacity *= 2;
    char *grown = arena_alloc(text->arena, capacity, 1);
    if (grown && text->length)
        memcpy(grown, text->data, text->length);
    text->data = grown;
    text->capacity = capacity;
    return grown != NULL;
}

void text_put_bytes(struct text *text, const char *bytes, size_t length)
{
    if (!text_reserve(text, length))
        return;
    if (length)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_put(struct text *text, const char *string)
{
    if (string)
        text_put_bytes(text, string, strlen(string));
}

void text_vprintf(struct text *text, const char *format, va_list arguments)
{
    if (arena_failed(text->arena)) { /* what is to be printed may be NULL */
        text->data = NULL;
        return;
    }
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length > 0 && text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(text, format, arguments);
    va_end(arguments);
}

const char *text_finish(struct text *text)
{
    if (arena_failed(text->arena))
        return NULL;
    return text->data ? text->data : "";
}

/* ---- hashing ---- */

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = hash_mix(seed, length), word;
    for (; length >= sizeof word; length -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = hash_mix(hash, word);
    }
    if (length) {
        word = 0;
        memcpy(&word, at, length);
        hash = hash_mix(hash, word);
    }
    return hash;
}
