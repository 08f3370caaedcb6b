/* Symbolic scales: 2^bits times powers of the primes q_k, so that whether two scales are equal does not depend on which primes of
 * the wanted size a library finds. The text is canonical: bits first, then primes from the highest level down. */
#include "slot.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static const struct slot_scale invalid = {.bits = INT32_MIN};

struct slot_scale slot_scale_bits(int32_t bits)
{
    return (struct slot_scale){.bits = bits};
}

struct slot_scale slot_scale_prime(uint32_t level)
{
    struct slot_scale scale = {0};
    if (level == 0 || level > SLOT_LEVELS_LIMIT)
        return invalid;
    scale.powers[level] = 1;
    return scale;
}

/* a * b^sign */
static struct slot_scale combine(struct slot_scale a, struct slot_scale b, int sign)
{
    bool overflow = !slot_scale_valid(&a) || !slot_scale_valid(&b);
    overflow |= __builtin_add_overflow(a.bits, sign * b.bits, &a.bits);
    for (uint32_t k = 1; k <= SLOT_LEVELS_LIMIT; k++)
        overflow |= __builtin_add_overflow(a.powers[k], sign * b.powers[k], &a.powers[k]) || a.powers[k] == INT32_MIN;
    return overflow ? invalid : a;
}

struct slot_scale slot_scale_multiply(struct slot_scale a, struct slot_scale b)
{
    return combine(a, b, 1);
}

struct slot_scale slot_scale_divide(struct slot_scale a, struct slot_scale b)
{
    return combine(a, b, -1);
}

bool slot_scale_equal(const struct slot_scale *a, const struct slot_scale *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool slot_scale_valid(const struct slot_scale *scale)
{
    return scale->bits != INT32_MIN;
}

double slot_scale_log2(const struct slot_scale *scale, const uint32_t *prime_bits)
{
    double sum = scale->bits;
    for (uint32_t k = 1; k <= SLOT_LEVELS_LIMIT; k++)
        if (scale->powers[k])
            sum += (double)scale->powers[k] * prime_bits[k];
    return sum;
}

static void put_power(struct text *text, int32_t power, uint32_t prime, bool first)
{
    text_put(text, power < 0 ? "-" : first ? "" : "+");
    if (power != 1 && power != -1)
        text_printf(text, "%" PRId64 "*", power < 0 ? -(int64_t)power : (int64_t)power);
    text_printf(text, "q%" PRIu32, prime);
}

void slot_scale_print(struct text *text, const struct slot_scale *scale)
{
    bool first = true;
    if (scale->bits) {
        text_printf(text, "%" PRId32, scale->bits);
        first = false;
    }
    for (uint32_t k = SLOT_LEVELS_LIMIT; k > 0; k--) {
        if (!scale->powers[k])
            continue;
        put_power(text, scale->powers[k], k, first);
        first = false;
    }
    if (first)
        text_put(text, "0");
}

static bool read_digits(const char **at, const char *end, int32_t *number)
{
    const char *begin = *at;
    int64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9' && value <= INT32_MAX)
        value = value * 10 + (*(*at)++ - '0');
    *number = (int32_t)value;
    return *at > begin && value <= INT32_MAX;
}

/* term = digits | [digits "*"] "q" [digits] */
static bool read_term(const char **at, const char *end, uint32_t level, int32_t sign, struct slot_scale *scale)
{
    int32_t count = 1, prime = (int32_t)level;
    if (*at < end && **at != 'q') {
        if (!read_digits(at, end, &count))
            return false;
        if (*at == end || **at != '*')
            return !__builtin_add_overflow(scale->bits, sign * count, &scale->bits);
        (*at)++;
    }
    if (*at == end || *(*at)++ != 'q')
        return false;
    if (*at < end && **at >= '0' && **at <= '9' && !read_digits(at, end, &prime))
        return false;
    return prime >= 1 && prime <= SLOT_LEVELS_LIMIT &&
           !__builtin_add_overflow(scale->powers[prime], sign * count, &scale->powers[prime]);
}

bool slot_scale_read(const char *text, size_t length, uint32_t level, struct slot_scale *scale)
{
    const char *at = text, *end = text + length;
    *scale = slot_scale_bits(0);
    while (at < end) {
        int32_t sign = *at == '-' ? -1 : 1;
        if (*at == '-' || (*at == '+' && at > text))
            at++;
        else if (at > text)
            return false;
        if (!read_term(&at, end, level, sign, scale))
            return false;
    }
    return length > 0 && slot_scale_valid(scale);
}
