/* Linear maps between packings, as diagonals: which rotation of the operand brings which contribution to which position.
 *
 * A contribution matrix[row, column] is wanted once at the positions that the folds bring together for each copy of the row.
 * Offsets are tried in the order the way says, which for an index that takes another's place makes the set a progression; what is
 * left goes to offsets in use already, or the nearest. */
#include "packing_internal.h"

#include <math.h>
#include <string.h>

/* ---- matrices ---- */

static int compare_entries(const void *first, const void *second)
{
    const struct packing_entry *a = first, *b = second;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

/* Bucketed by row first: only rows are sorted then. */
static struct packing_entry *by_rows(struct packer *packer, int64_t rows, const struct packing_entry *entries, size_t n_entries,
                                     int64_t *start)
{
    struct packing_entry *sorted = ARENA_ARRAY(packer->arena, n_entries + 1, struct packing_entry);
    if (!sorted || !start)
        return NULL;
    for (size_t k = 0; k < n_entries; k++)
        start[entries[k].row + 1]++;
    for (int64_t r = 0; r < rows; r++)
        start[r + 1] += start[r];
    for (size_t k = 0; k < n_entries; k++)
        sorted[start[entries[k].row]++] = entries[k];
    for (int64_t r = rows; r > 0; r--)
        start[r] = start[r - 1];
    start[0] = 0;
    for (int64_t r = 0; r < rows; r++)
        sort_items(sorted + start[r], (size_t)(start[r + 1] - start[r]), sizeof *sorted, compare_entries);
    return sorted;
}

/* Sums that cancel but for rounding, 2^-50 of the largest term, are zero: a ciphertext times such numbers, which no encoding keeps,
 * is transparent, and libraries refuse it. */
static double negligible(const struct packing_entry *entries, size_t n_entries)
{
    double most = 0;
    for (size_t k = 0; k < n_entries; k++)
        most = fmax(most, fabs(entries[k].value));
    return most * 0x1p-50;
}

const struct packing_matrix *packing_matrix(struct packer *packer, int64_t rows, int64_t columns, struct packing_entry *entries,
                                            size_t n_entries)
{
    struct packing_matrix *matrix = ARENA_NEW(packer->arena, struct packing_matrix);
    int64_t *start = ARENA_ARRAY(packer->arena, (size_t)rows + 2, int64_t);
    int64_t *row_start = ARENA_ARRAY(packer->arena, (size_t)rows + 1, int64_t);
    int32_t *column = ARENA_ARRAY(packer->arena, n_entries + 1, int32_t);
    double *value = ARENA_ARRAY(packer->arena, n_entries + 1, double);
    const struct packing_entry *sorted = by_rows(packer, rows, entries, n_entries, start);
    if (!matrix || !row_start || !column || !value || !sorted)
        return NULL;
    double least = negligible(entries, n_entries);
    int64_t n = 0;
    for (int64_t r = 0; r < rows; r++) {
        row_start[r] = n;
        for (int64_t k = start[r]; k < start[r + 1];) {
            double sum = 0;
            int64_t at = sorted[k].column;
            for (; k < start[r + 1] && sorted[k].column == at; k++)
                sum += sorted[k].value;
            if (fabs(sum) <= least)
                continue;
            column[n] = (int32_t)at;
            value[n++] = sum;
        }
    }
    row_start[rows] = n;
    *matrix = (struct packing_matrix){.rows = rows, .columns = columns, .row_start = row_start, .column = column, .value = value};
    return matrix;
}

bool packing_is_zero(const struct packing_matrix *matrix)
{
    if (!matrix->dense)
        return matrix->row_start[matrix->rows] == 0;
    for (int64_t k = 0; k < matrix->rows * matrix->columns; k++)
        if (matrix->dense[k] != 0)
            return false;
    return true;
}

static int64_t row_length(const struct packing_matrix *matrix, int64_t row)
{
    return matrix->dense ? matrix->columns : matrix->row_start[row + 1] - matrix->row_start[row];
}

/* Where in its row the entry is; -1: it is zero. */
static int64_t find_entry(const struct packing_matrix *matrix, int64_t row, int64_t column, double *value)
{
    if (matrix->dense) {
        *value = matrix->dense[row * matrix->columns + column];
        return *value == 0 ? -1 : column;
    }
    int64_t low = matrix->row_start[row], high = matrix->row_start[row + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (matrix->column[middle] < column)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == matrix->row_start[row + 1] || matrix->column[low] != column)
        return -1;
    *value = matrix->value[low];
    return low - matrix->row_start[row];
}

/* ---- positions that folds bring together ---- */

struct orbits {
    int32_t *owner;         /* of each position: which orbit, -1: none */
    int32_t *row;           /* of each orbit */
    int32_t *first;         /* the same: the first of its positions that hold the sum */
    size_t *taken;          /* of each orbit: the first of its bits */
    uint8_t *bits;          /* one a contribution: it is done */
    size_t n, left;         /* contributions still to be done */
    size_t n_bits, n_owned; /* positions in some orbit */
};

/* Position that lies `way`'s combination number `number` of folds further; within the ciphertext. */
static size_t folded(const struct packer *packer, const struct packing_way *way, size_t position, int64_t number)
{
    int64_t slot = (int64_t)position % packer->slots, part = (int64_t)position - slot;
    for (uint32_t k = 0; k < way->n_folds; k++) {
        slot += way->folds[k].stride * (number % way->folds[k].count);
        number /= way->folds[k].count;
    }
    return (size_t)(part + floor_remainder(slot, packer->slots));
}

static int64_t combinations(const struct packing_way *way)
{
    int64_t count = 1;
    for (uint32_t k = 0; k < way->n_folds; k++)
        count *= way->folds[k].count;
    return count;
}

/* Folds that go all the way round bring the same positions together wherever they begin: this far apart. */
static int64_t fold_period(const struct packer *packer, const struct packing_way *way)
{
    int64_t period = packer->slots;
    for (uint32_t k = 0; k < way->n_folds; k++)
        if (way->folds[k].stride * way->folds[k].count % packer->slots == 0)
            period = poly_gcd(period, way->folds[k].stride);
    return period;
}

static bool find_orbits(struct packer *packer, const struct packing_way *way, struct orbits *orbits)
{
    size_t positions = (size_t)packer->slots * way->after->parts;
    int64_t count = combinations(way);
    orbits->owner = packing_scratch(packer, PACKING_SCRATCH_OWNER, positions * sizeof *orbits->owner);
    orbits->row = packing_scratch(packer, PACKING_SCRATCH_ROW, positions * sizeof *orbits->row);
    orbits->first = packing_scratch(packer, PACKING_SCRATCH_FIRST, positions * sizeof *orbits->first);
    if (!orbits->owner || !orbits->row || !orbits->first || way->before->parts != way->after->parts || count > packer->slots)
        return false;
    memset(orbits->owner, 0xff, positions * sizeof *orbits->owner);
    int64_t period = fold_period(packer, way);
    for (size_t p = 0; p < positions; p++) {
        int32_t row = way->after->table[p];
        if (row < 0)
            continue;
        int32_t owner = orbits->owner[p];
        if (owner >= 0 && floor_remainder((int64_t)p - orbits->first[owner], period) == 0)
            continue;
        for (int64_t k = 0; k < count; k++) {
            size_t at = folded(packer, way, p, k);
            if (way->before->table[at] != row || orbits->owner[at] != owner)
                return false; /* it adds up what does not belong together, or only part of what another copy does */
        }
        if (owner >= 0)
            continue;
        for (int64_t k = 0; k < count; k++) {
            int32_t *at = &orbits->owner[folded(packer, way, p, k)];
            if (*at == (int32_t)orbits->n)
                return false; /* it adds a position to itself */
            *at = (int32_t)orbits->n;
        }
        orbits->n_owned += (size_t)count;
        orbits->first[orbits->n] = (int32_t)p;
        orbits->row[orbits->n++] = row;
    }
    return true;
}

bool packing_folds_fit(struct packer *packer, const struct packing_way *way)
{
    struct orbits orbits = {0};
    return find_orbits(packer, way, &orbits);
}

static bool begin_contributions(struct packer *packer, const struct packing_matrix *matrix, struct orbits *orbits)
{
    orbits->taken = packing_scratch(packer, PACKING_SCRATCH_TAKEN, (orbits->n + 1) * sizeof *orbits->taken);
    for (size_t k = 0; k < orbits->n && orbits->taken; k++) {
        orbits->taken[k] = orbits->n_bits;
        orbits->n_bits += (size_t)row_length(matrix, orbits->row[k]);
        for (int64_t c = 0; matrix->dense && c < matrix->columns; c++)
            orbits->left += matrix->dense[orbits->row[k] * matrix->columns + c] != 0;
    }
    if (!matrix->dense)
        orbits->left = orbits->n_bits;
    orbits->bits = packing_scratch(packer, PACKING_SCRATCH_BITS, orbits->n_bits / 8 + 1);
    if (!orbits->taken || !orbits->bits)
        return false;
    memset(orbits->bits, 0, orbits->n_bits / 8 + 1);
    return true;
}

/* ---- contributions ---- */

struct search {
    struct packer *packer;
    const struct packing_matrix *matrix;
    const struct packing_way *way;
    struct orbits orbits;
    bool *used;
    int64_t n_used, combinations;
    packing_visit *visit;
    void *user;
};

/* Takes the contribution of column `column` at position `p`, if it is wanted still. */
static void take(struct search *search, size_t p, uint32_t part, int32_t column, int64_t offset)
{
    struct orbits *orbits = &search->orbits;
    double value;
    int64_t at = find_entry(search->matrix, orbits->row[orbits->owner[p]], column, &value);
    if (at < 0)
        return;
    size_t bit = orbits->taken[orbits->owner[p]] + (size_t)at;
    if (orbits->bits[bit / 8] >> (bit % 8) & 1)
        return;
    orbits->bits[bit / 8] |= (uint8_t)(1U << (bit % 8));
    orbits->left--;
    search->n_used += !search->used[offset];
    search->used[offset] = true;
    if (search->visit) {
        int64_t slots = search->packer->slots;
        search->visit(search->user, part, (uint32_t)((int64_t)p / slots), (int32_t)offset, (int64_t)p % slots, value);
    }
}

static void try_offset(struct search *search, int64_t offset)
{
    const struct packing *in = search->way->in;
    int64_t slots = search->packer->slots;
    size_t positions = (size_t)slots * search->way->after->parts;
    for (size_t p = 0; p < positions; p++) {
        if (search->orbits.owner[p] < 0)
            continue;
        int64_t from = (int64_t)p % slots + offset;
        from -= from >= slots ? slots : 0;
        for (uint32_t part = 0; part < in->parts; part++) {
            int32_t column = in->table[part * slots + from];
            if (column >= 0)
                take(search, p, part, column, offset);
        }
    }
}

/* Positions of each element in `packing`: those of element e are order[start[e]] to order[start[e + 1]]. */
static bool invert(struct packer *packer, const struct packing *packing, int64_t elements, uint32_t **start, uint32_t **order)
{
    size_t positions = (size_t)packer->slots * packing->parts;
    *start = packing_scratch(packer, PACKING_SCRATCH_START, ((size_t)elements + 2) * sizeof **start);
    *order = packing_scratch(packer, PACKING_SCRATCH_ORDER, (positions + 1) * sizeof **order);
    if (!*start || !*order)
        return false;
    memset(*start, 0, ((size_t)elements + 2) * sizeof **start);
    for (size_t p = 0; p < positions; p++)
        if (packing->table[p] >= 0)
            (*start)[packing->table[p] + 2]++;
    for (int64_t e = 0; e <= elements; e++)
        (*start)[e + 1] += (*start)[e];
    for (size_t p = 0; p < positions; p++)
        if (packing->table[p] >= 0)
            (*order)[(*start)[packing->table[p] + 1]++] = (uint32_t)p;
    return true;
}

/* How late an offset is tried: those of the way in their order, then offsets in use, then others by their distance. */
static int64_t rank_offset(const struct search *search, int64_t offset)
{
    const struct packing_way *way = search->way;
    int64_t slots = search->packer->slots;
    if (way->reach && offset % way->step == 0 && offset / way->step < way->reach)
        return offset / way->step;
    if (way->reach && (slots - offset) % way->step == 0 && (slots - offset) / way->step < way->reach)
        return way->reach + (slots - offset) / way->step;
    int64_t distance = offset > slots / 2 ? slots - offset : offset;
    return 2 * way->reach + distance + (search->used[offset] ? 0 : slots);
}

/* One contribution to the positions that folds bring together with `first`: at the one, and from the copy of the column, whose
 * offset comes first. */
static bool take_best(struct search *search, size_t first, int32_t column, const uint32_t *from, size_t n_from)
{
    int64_t slots = search->packer->slots, best_rank = INT64_MAX, best_offset = 0;
    size_t best_position = 0, best_source = 0;
    for (int64_t k = 0; k < search->combinations; k++) {
        size_t p = folded(search->packer, search->way, first, k);
        for (size_t c = 0; c < n_from; c++) {
            int64_t offset = (int64_t)from[c] % slots - (int64_t)p % slots;
            offset += offset < 0 ? slots : 0;
            int64_t rank = rank_offset(search, offset);
            if (rank >= best_rank)
                continue;
            best_rank = rank;
            best_offset = offset;
            best_position = p;
            best_source = from[c];
        }
    }
    if (best_rank == INT64_MAX)
        return false;
    take(search, best_position, (uint32_t)((int64_t)best_source / slots), column, best_offset);
    return true;
}

static bool take_one_by_one(struct search *search)
{
    uint32_t *start, *order;
    const struct packing_matrix *matrix = search->matrix;
    struct orbits *orbits = &search->orbits;
    if (!invert(search->packer, search->way->in, matrix->columns, &start, &order))
        return false;
    for (size_t orbit = 0; orbit < orbits->n && orbits->left; orbit++) {
        int32_t row = orbits->row[orbit];
        for (int64_t k = 0; k < row_length(matrix, row); k++) {
            size_t bit = orbits->taken[orbit] + (size_t)k;
            int32_t column = matrix->dense ? (int32_t)k : matrix->column[matrix->row_start[row] + k];
            if ((orbits->bits[bit / 8] >> (bit % 8) & 1) || (matrix->dense && matrix->dense[row * matrix->columns + k] == 0))
                continue;
            if (!take_best(search, (size_t)orbits->first[orbit], column, order + start[column], start[column + 1] - start[column]))
                return false;
            if (search->way->most && search->n_used > search->way->most)
                return false;
        }
    }
    return orbits->left == 0;
}

/* Is it less work to look for each contribution's offset than to try each offset at every position? */
static bool is_sparse(const struct search *search)
{
    double held = 0, positions = (double)search->packer->slots * search->way->in->parts;
    for (size_t p = 0; p < (size_t)positions; p++)
        held += search->way->in->table[p] >= 0;
    double copies = held / (double)search->matrix->columns + 1;
    double one_by_one = (double)search->orbits.left * (double)search->combinations * copies;
    return one_by_one < (double)search->way->reach * (double)search->orbits.n_owned * search->way->in->parts;
}

bool packing_diagonals(struct packer *packer, const struct packing_matrix *matrix, const struct packing_way *way, bool *used,
                       packing_visit *visit, void *user)
{
    struct search search = {.packer = packer,
                            .matrix = matrix,
                            .way = way,
                            .used = used,
                            .visit = visit,
                            .user = user,
                            .combinations = combinations(way)};
    memset(used, 0, (size_t)packer->slots * sizeof *used);
    if (!find_orbits(packer, way, &search.orbits) || !begin_contributions(packer, matrix, &search.orbits))
        return false;
    if (way->most && search.orbits.left > search.orbits.n_owned * (size_t)way->most * way->in->parts)
        return false; /* one offset brings each position one contribution of a ciphertext */
    if (way->reach == 0 || is_sparse(&search))
        return take_one_by_one(&search);
    for (int sign = 1; sign >= -1; sign -= 2)
        for (int64_t k = sign < 0; k < way->reach && search.orbits.left; k++) {
            try_offset(&search, floor_remainder(sign * k * way->step, packer->slots));
            if (way->most && search.n_used > way->most)
                return false;
        }
    return search.orbits.left == 0 || take_one_by_one(&search);
}
