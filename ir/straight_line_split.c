/* Matrices cut by their symmetries, before common pairs are looked for.
 *
 *     W = [A A; B -B]   up to the order and the signs of rows and columns: A of the sums, B of the differences
 *     W = V D           V a matrix of complex numbers as pairs of rows and columns, D turns each of its columns
 *     W = [A 0; 0 B] S  S makes s = a + b + c, u = a - (b + c) / 2 and v = (b - c) sqrt(3) / 2 of columns in triples
 *
 * The first is even and odd (of n = 2 m numbers halves that are m x m: Solomonoff 1992), and a step of radix 2. Pairs of columns
 * are those that differ, row by row, in signs only, the same signs for all pairs; what has no partner goes to both halves. The
 * second is taken where V can be cut in its turn. Found in a Fourier matrix one after the other they are split radix (Yavne 1968),
 * and nothing of that is said here. The third is a step of radix 3: rows have equal numbers in a triple, or such that add up to 0.
 * Where 3 and the rest of the length are coprime no twiddles are left (Good 1958). It is not always less, so who asks says whether
 * it is tried. What cannot be cut is left to the search for common pairs. */
#include "straight_line_internal.h"

#include <math.h>
#include <string.h>

enum { FEWEST_ROWS = 4, FEWEST_COLUMNS = 3 };

/* Part of the matrix: these rows of it, and what they are of these values. */
struct block {
    uint32_t n_rows, n_columns;
    uint32_t *rows, *values;
    double *numbers; /* a row after the other */
};

/* Columns in pairs: partner[c] == c: none. b has the numbers of a times `of_row` and `of_column`[b]. */
struct pairing {
    uint32_t *partner, n_paired;
    bool is_complex;            /* both rows of a complex number have one sign: halves are of complex numbers as the whole is */
    int8_t *of_row, *of_column; /* 1, -1; 0 of rows that no pair has */
};

static double number_at(const struct block *block, uint32_t row, uint32_t column)
{
    return block->numbers[(size_t)row * block->n_columns + column];
}

static bool create_block(struct arena *arena, struct block *block, uint32_t n_rows, uint32_t n_columns)
{
    *block = (struct block){.n_rows = n_rows, .n_columns = n_columns};
    block->rows = ARENA_ARRAY(arena, n_rows, uint32_t);
    block->values = ARENA_ARRAY(arena, n_columns, uint32_t);
    block->numbers = ARENA_ARRAY(arena, (size_t)n_rows * n_columns, double);
    return !arena_failed(arena);
}

static bool create_pairing(struct arena *arena, struct pairing *pairing, const struct block *block)
{
    pairing->n_paired = 0;
    pairing->partner = ARENA_ARRAY(arena, block->n_columns, uint32_t);
    pairing->of_row = ARENA_ARRAY(arena, block->n_rows, int8_t);
    pairing->of_column = ARENA_ARRAY(arena, block->n_columns, int8_t);
    for (uint32_t c = 0; pairing->partner && c < block->n_columns; c++)
        pairing->partner[c] = c;
    return !arena_failed(arena);
}

/* ---- complex numbers ---- */

/* Is b to a as i times a complex number is to it: row `im` of a and b the imaginary parts of the complex numbers whose real parts
 * row `re` has? 1, or -1 of a conjugate b; 0: it is not. */
static int turns(const struct block *block, uint32_t a, uint32_t b, uint32_t re, uint32_t im)
{
    double x = number_at(block, re, a), y = number_at(block, im, a), u = number_at(block, re, b), v = number_at(block, im, b);
    return u == -y && v == x ? 1 : u == y && v == -x ? -1 : 0;
}

/* Is there a row for each that makes complex numbers of its own by this pairing? `other`: which, with a sign. */
static bool pair_rows(struct arena *arena, const struct block *block, const struct pairing *pairing, uint32_t *other)
{
    double *wanted = ARENA_ARRAY(arena, block->n_columns, double);
    for (uint32_t row = 0; wanted && row < block->n_rows; row++) {
        for (uint32_t c = 0; c < block->n_columns; c++) {
            uint32_t d = pairing->partner[c], high = c > d ? c : d;
            int sign = pairing->of_column[high];
            wanted[c] = c < d ? -sign * number_at(block, row, d) : sign * number_at(block, row, d);
        }
        other[row] = row;
        for (uint32_t k = 0; k < block->n_rows && other[row] == row; k++) {
            int same = 1, opposite = 1;
            for (uint32_t c = 0; c < block->n_columns; c++) {
                same &= number_at(block, k, c) == wanted[c];
                opposite &= number_at(block, k, c) == -wanted[c];
            }
            other[row] = k != row && (same || opposite) ? k : row;
        }
        if (other[row] == row)
            return false;
    }
    return wanted != NULL;
}

/* Columns in pairs that are complex numbers, by the first row and one that belongs to it; `other`: the row that belongs to each. */
static bool find_complex(struct arena *arena, const struct block *block, struct pairing *pairing, uint32_t *other)
{
    for (uint32_t im = 1; im < block->n_rows; im++) {
        if (!create_pairing(arena, pairing, block))
            return false;
        for (uint32_t a = 0; a < block->n_columns; a++)
            for (uint32_t b = a + 1; pairing->partner[a] == a && b < block->n_columns; b++) {
                int sign = pairing->partner[b] == b ? turns(block, a, b, 0, im) : 0;
                if (!sign)
                    continue;
                pairing->partner[a] = b;
                pairing->partner[b] = a;
                pairing->of_column[b] = (int8_t)sign;
                pairing->n_paired += 2;
            }
        if (pairing->n_paired == block->n_columns && pair_rows(arena, block, pairing, other))
            return true;
    }
    return false;
}

/* ---- sums and differences ---- */

static bool same_sizes(const struct block *block, uint32_t a, uint32_t b)
{
    bool any = false;
    for (uint32_t row = 0; row < block->n_rows; row++) {
        if (fabs(number_at(block, row, a)) != fabs(number_at(block, row, b)))
            return false;
        any |= number_at(block, row, a) != 0;
    }
    return any;
}

/* Makes them a pair where the signs of rows are those of the other pairs; signs of rows that these do not have become known. */
static bool pair(const struct block *block, struct pairing *pairing, uint32_t a, uint32_t b)
{
    int of_pair = 0;
    for (uint32_t row = 0; row < block->n_rows; row++) {
        double product = number_at(block, row, a) * number_at(block, row, b);
        int sign = (product > 0) - (product < 0), expected = pairing->of_row[row] * of_pair;
        if (sign && expected && sign != expected)
            return false;
        if (sign && pairing->of_row[row] && !of_pair)
            of_pair = sign * pairing->of_row[row];
    }
    of_pair = of_pair ? of_pair : 1;
    for (uint32_t row = 0; row < block->n_rows; row++) { /* rows that came before the pair's sign was known */
        double product = number_at(block, row, a) * number_at(block, row, b);
        int sign = ((product > 0) - (product < 0)) * of_pair;
        if (sign && pairing->of_row[row] && sign != pairing->of_row[row])
            return false;
    }
    for (uint32_t row = 0; row < block->n_rows; row++) {
        double product = number_at(block, row, a) * number_at(block, row, b);
        int sign = ((product > 0) - (product < 0)) * of_pair;
        pairing->of_row[row] = (int8_t)(sign ? sign : pairing->of_row[row]);
    }
    pairing->partner[a] = b;
    pairing->partner[b] = a;
    pairing->of_column[b] = (int8_t)of_pair;
    pairing->n_paired += 2;
    return true;
}

/* All pairs with the signs that a and b have. */
static bool pair_as(struct arena *arena, const struct block *block, struct pairing *pairing, uint32_t a, uint32_t b)
{
    if (!create_pairing(arena, pairing, block) || !pair(block, pairing, a, b))
        return false;
    for (uint32_t c = 0; c < block->n_columns; c++)
        for (uint32_t d = c + 1; pairing->partner[c] == c && d < block->n_columns; d++)
            if (pairing->partner[d] == d && same_sizes(block, c, d))
                (void)pair(block, pairing, c, d);
    return true;
}

static bool keeps_complex(const struct block *block, const struct pairing *pairing, const uint32_t *other)
{
    for (uint32_t row = 0; row < block->n_rows; row++)
        if (pairing->of_row[row] != pairing->of_row[other[row]])
            return false;
    return true;
}

/* The signs by which most columns have a partner, of several those that keep complex numbers together; false: by none most have. */
static bool find_pairing(struct arena *arena, const struct block *block, struct pairing *best)
{
    struct pairing complex;
    uint32_t *other = ARENA_ARRAY(arena, block->n_rows, uint32_t), n = block->n_columns;
    *best = (struct pairing){.n_paired = 0};
    if (!other || block->n_rows < FEWEST_ROWS || n < FEWEST_COLUMNS)
        return false;
    bool has_complex = find_complex(arena, block, &complex, other), done = false;
    for (uint32_t a = 0; a < n && !done; a++)
        for (uint32_t b = a + 1; b < n && !done; b++) {
            struct pairing pairing;
            if (!same_sizes(block, a, b) || !pair_as(arena, block, &pairing, a, b))
                continue;
            pairing.is_complex = has_complex && keeps_complex(block, &pairing, other);
            if (pairing.n_paired + pairing.is_complex > best->n_paired + best->is_complex)
                *best = pairing;
            done = best->n_paired == n && best->is_complex == has_complex;
        }
    return 3 * best->n_paired >= 2 * n;
}

/* The half with the rows of this sign: sums or differences of pairs, and columns without partner as they are. */
static bool make_half(struct elimination *elimination, const struct block *block, const struct pairing *pairing, int sign,
                      struct block *half)
{
    if (!create_block(elimination->arena, half, block->n_rows, block->n_columns))
        return false;
    half->n_rows = half->n_columns = 0;
    for (uint32_t row = 0; row < block->n_rows; row++)
        if ((pairing->of_row[row] < 0) == (sign < 0))
            half->rows[half->n_rows++] = row; /* of the block; made the matrix's below */
    uint32_t *from = ARENA_ARRAY(elimination->arena, block->n_columns, uint32_t);
    for (uint32_t c = 0; from && half->n_rows && c < block->n_columns; c++) {
        uint32_t other = pairing->partner[c];
        bool any = false;
        for (uint32_t k = 0; k < half->n_rows; k++)
            any |= number_at(block, half->rows[k], c) != 0;
        if (other < c || !any)
            continue;
        uint32_t value = block->values[c];
        if (other != c) {
            double q = sign * pairing->of_column[other];
            value = elimination_add_value(elimination, (struct straight_line_value){{{value, 1}, {block->values[other], q}}, 2});
        }
        from[half->n_columns] = c;
        half->values[half->n_columns++] = value;
    }
    for (uint32_t k = 0; from && k < half->n_rows; k++) {
        for (uint32_t c = 0; c < half->n_columns; c++)
            half->numbers[(size_t)k * half->n_columns + c] = number_at(block, half->rows[k], from[c]);
        half->rows[k] = block->rows[half->rows[k]];
    }
    return !arena_failed(elimination->arena);
}

/* ---- turned columns ---- */

/* x a + y b: with factors of one size the sum first. */
static uint32_t turned_value(struct elimination *elimination, uint32_t a, double x, uint32_t b, double y)
{
    if (x == 0 || y == 0)
        return elimination_add_value(elimination, (struct straight_line_value){{{x == 0 ? b : a, x == 0 ? y : x}}, 1});
    if (fabs(x) != fabs(y) || fabs(x) == 1)
        return elimination_add_value(elimination, (struct straight_line_value){{{a, x}, {b, y}}, 2});
    uint32_t sum = elimination_add_value(elimination, (struct straight_line_value){{{a, 1}, {b, y / x}}, 2});
    return sum == UINT32_MAX ? sum : elimination_add_value(elimination, (struct straight_line_value){{{sum, x}}, 1});
}

/* What numbers of about this size are: one that the whole matrix has, which was rounded once; 0, 1; else the mean of theirs. */
static double settled_size(const struct elimination *elimination, double size, double mean, double closeness)
{
    size_t count = (size_t)elimination->line->n_rows * elimination->line->n_inputs;
    double best = mean, least = closeness;
    for (size_t k = 0; k < count; k++) {
        double distance = fabs(fabs(elimination->matrix[k]) - size);
        if (distance <= least) {
            best = fabs(elimination->matrix[k]);
            least = distance;
        }
    }
    return size <= closeness ? 0 : fabs(size - 1) <= closeness ? 1 : best;
}

/* Numbers that are close to one another become the same. */
static void settle(const struct elimination *elimination, struct block *block, double closeness)
{
    size_t count = (size_t)block->n_rows * block->n_columns;
    bool *done = ARENA_ARRAY(elimination->arena, count, bool);
    for (size_t k = 0; done && k < count; k++) {
        double size = fabs(block->numbers[k]);
        long double sum = 0;
        size_t n = 0;
        if (done[k])
            continue;
        for (size_t other = k; other < count; other++)
            if (!done[other] && fabs(fabs(block->numbers[other]) - size) <= closeness) {
                sum += fabs(block->numbers[other]);
                n++;
            }
        double settled = settled_size(elimination, size, (double)(sum / (long double)n), closeness);
        for (size_t other = k; other < count; other++)
            if (!done[other] && fabs(fabs(block->numbers[other]) - size) <= closeness) {
                block->numbers[other] = copysign(settled, block->numbers[other]);
                done[other] = true;
            }
    }
}

/* The block with the first row's complex numbers taken out of its columns: turned by e = x - i y there, z becomes z e* / |e|^2. */
static bool divide_columns(struct elimination *elimination, const struct block *block, const struct pairing *pairing,
                           struct block *divided)
{
    if (!create_block(elimination->arena, divided, block->n_rows, block->n_columns))
        return false;
    memcpy(divided->rows, block->rows, block->n_rows * sizeof *block->rows);
    memcpy(divided->values, block->values, block->n_columns * sizeof *block->values);
    for (uint32_t a = 0; a < block->n_columns; a++) {
        uint32_t b = pairing->partner[a];
        if (b < a)
            continue;
        long double x = number_at(block, 0, a), y = number_at(block, 0, b), square = x * x + y * y;
        for (uint32_t row = 0; row < block->n_rows; row++) {
            long double u = number_at(block, row, a), v = number_at(block, row, b);
            if (u * u + v * v > square * (1 + 64 * elimination->closeness)) /* turned only, never made larger */
                return false;
            divided->numbers[(size_t)row * block->n_columns + a] = (double)((u * x + v * y) / square);
            divided->numbers[(size_t)row * block->n_columns + b] = (double)((v * x - u * y) / square);
        }
    }
    settle(elimination, divided, 16 * elimination->closeness);
    return !arena_failed(elimination->arena);
}

/* x a + y b and x b - y a in the place of a and b. */
static bool turn_values(struct elimination *elimination, const struct block *block, const struct pairing *pairing,
                        struct block *divided)
{
    for (uint32_t a = 0; a < block->n_columns; a++) {
        uint32_t b = pairing->partner[a];
        double x = number_at(block, 0, a), y = number_at(block, 0, b);
        if (b < a || (x == 1 && y == 0))
            continue;
        divided->values[a] = turned_value(elimination, block->values[a], x, block->values[b], y);
        divided->values[b] = turned_value(elimination, block->values[b], x, block->values[a], -y);
    }
    return !arena_failed(elimination->arena);
}

/* ---- thirds ---- */

/* Columns in triples: of each row the numbers of a triple are equal, for all triples, or their sum is 0. */
struct thirds {
    uint32_t (*triples)[3]; /* a, b, c */
    uint32_t n_triples;
    bool *is_sum; /* by row */
};

/* Is the row of one kind in these columns? 1: equal numbers; -1: a sum of 0; 0: neither. Zeros are of both: 2. */
static int kind_of_row(const struct elimination *elimination, const struct block *block, uint32_t row, const uint32_t *triple)
{
    double a = number_at(block, row, triple[0]), b = number_at(block, row, triple[1]), c = number_at(block, row, triple[2]);
    if (a == b && b == c)
        return a == 0 ? 2 : 1;
    return fabs(a + b + c) <= 16 * elimination->closeness ? -1 : 0;
}

/* Do the columns go along with the kinds that rows have, 0 where that is open? What is open is decided then. */
static bool add_triple(const struct elimination *elimination, const struct block *block, const uint32_t *triple, int8_t *kinds)
{
    for (uint32_t row = 0; row < block->n_rows; row++) {
        int kind = kind_of_row(elimination, block, row, triple);
        if (kind == 0 || (kind != 2 && kinds[row] && kind != kinds[row]))
            return false;
    }
    for (uint32_t row = 0; row < block->n_rows; row++) {
        int kind = kind_of_row(elimination, block, row, triple);
        kinds[row] = (int8_t)(kind == 2 ? kinds[row] : kind);
    }
    return true;
}

static bool has_both(const struct block *block, const int8_t *kinds)
{
    bool sums = false, others = false;
    for (uint32_t row = 0; row < block->n_rows; row++) {
        sums |= kinds[row] > 0;
        others |= kinds[row] < 0;
    }
    return sums && others;
}

/* How many sizes the numbers of its columns would have: of the first, and of the difference of the others. */
static uint32_t count_sizes(struct arena *arena, const struct block *block, const int8_t *kinds, const uint32_t *triple)
{
    double *sizes = ARENA_ARRAY(arena, 2 * (size_t)block->n_rows, double);
    uint32_t n = 0;
    for (uint32_t row = 0; sizes && row < block->n_rows; row++)
        for (int part = 0; kinds[row] < 0 && part < 2; part++) {
            double size =
                fabs(part ? number_at(block, row, triple[1]) - number_at(block, row, triple[2]) : number_at(block, row, triple[0]));
            uint32_t k = 0;
            while (k < n && fabs(sizes[k] - size) > 0x1p-20)
                k++;
            if (k == n)
                sizes[n++] = size;
        }
    return n;
}

/* The first column of a triple is the one by which numbers have fewest sizes: of coprime lengths no twiddles remain then. */
static void turn_triple(struct arena *arena, const struct block *block, const int8_t *kinds, uint32_t *triple)
{
    uint32_t best[3] = {triple[0], triple[1], triple[2]}, least = UINT32_MAX;
    for (int turn = 0; turn < 3; turn++) {
        const uint32_t turned[3] = {triple[turn], triple[(turn + 1) % 3], triple[(turn + 2) % 3]};
        uint32_t sizes = count_sizes(arena, block, kinds, turned);
        if (sizes < least) {
            least = sizes;
            memcpy(best, turned, sizeof best);
        }
    }
    memcpy(triple, best, sizeof best);
}

/* All columns in triples, beginning with the first and these two. */
static bool find_triples(struct elimination *elimination, const struct block *block, uint32_t second, uint32_t third,
                         struct thirds *thirds)
{
    uint32_t n = block->n_columns;
    bool *taken = ARENA_ARRAY(elimination->arena, n, bool);
    int8_t *kinds = ARENA_ARRAY(elimination->arena, block->n_rows, int8_t);
    thirds->n_triples = 0;
    for (uint32_t a = 0; taken && kinds && a < n; a++) {
        bool found = taken[a];
        for (uint32_t b = a ? a + 1 : second; !found && b < (a ? n : second + 1); b++)
            for (uint32_t c = a ? b + 1 : third; !found && c < (a ? n : third + 1); c++) {
                const uint32_t triple[3] = {a, b, c};
                found = !taken[b] && !taken[c] && add_triple(elimination, block, triple, kinds) && has_both(block, kinds);
                if (!found)
                    continue;
                taken[b] = taken[c] = true;
                memcpy(thirds->triples[thirds->n_triples++], triple, sizeof triple);
            }
        if (!found)
            return false;
    }
    for (uint32_t row = 0; kinds && row < block->n_rows; row++)
        thirds->is_sum[row] = kinds[row] > 0;
    for (uint32_t k = 0; kinds && k < thirds->n_triples; k++)
        turn_triple(elimination->arena, block, kinds, thirds->triples[k]);
    return taken && kinds;
}

static bool find_thirds(struct elimination *elimination, const struct block *block, struct thirds *thirds)
{
    uint32_t n = block->n_columns;
    thirds->triples = (uint32_t(*)[3])ARENA_ARRAY(elimination->arena, n + 3, uint32_t);
    thirds->is_sum = ARENA_ARRAY(elimination->arena, block->n_rows, bool);
    if (!elimination->by_thirds || n % 3 || n < 6 || !thirds->triples || !thirds->is_sum)
        return false;
    for (uint32_t second = 1; second < n; second++)
        for (uint32_t third = second + 1; third < n; third++)
            if (find_triples(elimination, block, second, third, thirds))
                return true;
    return false;
}

/* Rows of the block that are of sums, or the others, with so many columns. */
static bool make_part(struct elimination *elimination, const struct block *block, const struct thirds *thirds, bool sums,
                      struct block *part)
{
    if (!create_block(elimination->arena, part, block->n_rows, (sums ? 1 : 2) * thirds->n_triples))
        return false;
    part->n_rows = 0;
    for (uint32_t row = 0; row < block->n_rows; row++) {
        if (thirds->is_sum[row] != sums)
            continue;
        for (uint32_t k = 0; k < thirds->n_triples; k++) {
            const uint32_t *triple = thirds->triples[k];
            double *numbers = &part->numbers[(size_t)part->n_rows * part->n_columns];
            numbers[k] = number_at(block, row, triple[0]);
            if (!sums)
                numbers[thirds->n_triples + k] = (number_at(block, row, triple[1]) - number_at(block, row, triple[2])) / sqrt(3);
        }
        part->rows[part->n_rows++] = block->rows[row];
    }
    return true;
}

/* With s = a + b + c, u = a - (b + c) / 2 and v = (b - c) sqrt(3) / 2 rows have multiples of s alone, or of u and v alone. */
static bool make_parts(struct elimination *elimination, const struct block *block, const struct thirds *thirds,
                       struct block parts[2])
{
    if (!make_part(elimination, block, thirds, true, &parts[0]) || !make_part(elimination, block, thirds, false, &parts[1]))
        return false;
    for (uint32_t k = 0; k < thirds->n_triples; k++) {
        uint32_t a = block->values[thirds->triples[k][0]], b = block->values[thirds->triples[k][1]],
                 c = block->values[thirds->triples[k][2]];
        uint32_t both = elimination_add_value(elimination, (struct straight_line_value){{{b, 1}, {c, 1}}, 2});
        uint32_t difference = elimination_add_value(elimination, (struct straight_line_value){{{b, 1}, {c, -1}}, 2});
        parts[0].values[k] = elimination_add_value(elimination, (struct straight_line_value){{{a, 1}, {both, 1}}, 2});
        parts[1].values[k] = elimination_add_value(elimination, (struct straight_line_value){{{a, 1}, {both, -0.5}}, 2});
        parts[1].values[thirds->n_triples + k] =
            elimination_add_value(elimination, (struct straight_line_value){{{difference, sqrt(0.75)}}, 1});
    }
    settle(elimination, &parts[1], 16 * elimination->closeness);
    return !arena_failed(elimination->arena);
}

/* ---- the cut ---- */

static bool add_columns(struct elimination *elimination, const struct block *block)
{
    for (uint32_t c = 0; c < block->n_columns; c++) {
        struct column *column = elimination_add_column(elimination, block->values[c]);
        for (uint32_t row = 0; column && row < block->n_rows; row++)
            if (number_at(block, row, c) != 0)
                elimination_set(column, block->rows[row], number_at(block, row, c));
    }
    return !arena_failed(elimination->arena);
}

/* Are there columns that do not begin with 1? Others are not changed. */
static bool is_turned(const struct block *block, const struct pairing *pairing)
{
    for (uint32_t a = 0; a < block->n_columns; a++)
        if (pairing->partner[a] > a && (number_at(block, 0, a) != 1 || number_at(block, 0, pairing->partner[a]) != 0))
            return true;
    return false;
}

/* Is there a row of nothing but 1, -1 and 0? Its transform has no twiddles that turning would take out. */
static bool has_plain_row(const struct block *block)
{
    for (uint32_t row = 0; row < block->n_rows; row++) {
        bool plain = true;
        for (uint32_t c = 0; c < block->n_columns; c++)
            plain &= number_at(block, row, c) == 0 || fabs(number_at(block, row, c)) == 1;
        if (plain)
            return true;
    }
    return false;
}

/* Can the block be turned so that it can be cut in its turn? */
static bool can_turn(struct elimination *elimination, const struct block *block, struct pairing *pairing, struct block *divided)
{
    struct pairing next;
    uint32_t *other = ARENA_ARRAY(elimination->arena, block->n_rows, uint32_t);
    return other && !has_plain_row(block) && block->n_rows >= FEWEST_ROWS && block->n_columns >= FEWEST_COLUMNS &&
           find_complex(elimination->arena, block, pairing, other) && is_turned(block, pairing) &&
           divide_columns(elimination, block, pairing, divided) && find_pairing(elimination->arena, divided, &next);
}

/* Pairs of all columns come first, then turns, then pairs of most columns. */
static bool cut(struct elimination *elimination, const struct block *block)
{
    struct pairing pairing, complex;
    struct block parts[2], divided;
    struct thirds thirds;
    bool has_pairs = find_pairing(elimination->arena, block, &pairing), all = has_pairs && pairing.n_paired == block->n_columns;
    if (!all && find_thirds(elimination, block, &thirds))
        return make_parts(elimination, block, &thirds, parts) && cut(elimination, &parts[0]) && cut(elimination, &parts[1]);
    if (!all && can_turn(elimination, block, &complex, &divided))
        return turn_values(elimination, block, &complex, &divided) && cut(elimination, &divided);
    if (!has_pairs)
        return add_columns(elimination, block);
    return make_half(elimination, block, &pairing, 1, &parts[0]) && make_half(elimination, block, &pairing, -1, &parts[1]) &&
           cut(elimination, &parts[0]) && cut(elimination, &parts[1]);
}

bool elimination_split(struct elimination *elimination, const double *matrix)
{
    const struct straight_line *line = elimination->line;
    struct block whole;
    elimination->matrix = matrix;
    if (!create_block(elimination->arena, &whole, line->n_rows, line->n_inputs))
        return false;
    for (uint32_t row = 0; row < line->n_rows; row++)
        whole.rows[row] = row;
    for (uint32_t c = 0; c < line->n_inputs; c++)
        whole.values[c] = c;
    memcpy(whole.numbers, matrix, (size_t)line->n_rows * line->n_inputs * sizeof *matrix);
    return cut(elimination, &whole);
}
