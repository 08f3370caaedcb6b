/* The bytes a random program is drawn from. A choice takes one byte, or two above 256 possibilities; what stands first among the
 * possibilities is the smallest, taken where the bytes have ended. */
#include "programs_internal.h"

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return limit ? (uint32_t)(random_next(state) % limit) : 0;
}

void random_bytes(uint8_t *bytes, size_t length, uint64_t seed)
{
    uint64_t word = 0;
    for (size_t k = 0; k < length; k++, word >>= 8) {
        if (k % 8 == 0)
            word = random_next(&seed);
        bytes[k] = (uint8_t)word;
    }
}

static uint32_t next_byte(struct generator *generator)
{
    if (generator->n_bytes == 0)
        return 0;
    generator->n_bytes--;
    return *generator->bytes++;
}

uint32_t pick(struct generator *generator, uint32_t limit)
{
    if (limit <= 1)
        return 0;
    uint32_t drawn = next_byte(generator);
    if (limit > 256)
        drawn = drawn << 8 | next_byte(generator);
    return drawn % limit;
}

bool chance(struct generator *generator, uint32_t percent)
{
    return percent >= 100 || 100 * next_byte(generator) >= 256 * (100 - percent);
}
