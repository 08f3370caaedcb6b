/* Hash-consing: one table from content to the object that has it.
 *
 * Linear probing over a power of two of slots, at most two thirds full; nothing is ever removed. The full hash is compared before
 * the content is, so `equal` is called on real candidates only. Which items are equal is the caller's to say. */
#include "ir_internal.h"

const void *intern_find(const struct intern_table *table, uint64_t hash, const void *key, intern_equal *equal)
{
    if (table->capacity == 0)
        return NULL;
    size_t mask = table->capacity - 1;
    for (size_t at = hash_slot(hash, table->capacity); table->slots[at].item; at = (at + 1) & mask)
        if (table->slots[at].hash == hash && equal(key, table->slots[at].item))
            return table->slots[at].item;
    return NULL;
}

static void place(struct intern_slot *slots, size_t capacity, struct intern_slot slot)
{
    size_t at = hash_slot(slot.hash, capacity);
    while (slots[at].item)
        at = (at + 1) & (capacity - 1);
    slots[at] = slot;
}

static bool make_room(struct arena *arena, struct intern_table *table)
{
    if (table->capacity && table->count + 1 <= table->capacity / 3 * 2)
        return true;
    size_t capacity = table->capacity ? table->capacity * 2 : 64;
    struct intern_slot *slots = ARENA_ARRAY(arena, capacity, struct intern_slot);
    if (!slots)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].item)
            place(slots, capacity, table->slots[i]);
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

const void *intern_add(struct arena *arena, struct intern_table *table, uint64_t hash, const void *item)
{
    if (!item || !make_room(arena, table))
        return NULL;
    place(table->slots, table->capacity, (struct intern_slot){hash, item});
    table->count++;
    return item;
}
