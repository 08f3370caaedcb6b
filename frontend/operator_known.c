/* What the compiler knows of operators' data: the numbers of constants, and of tensors that formulas and constants alone give. */
#include "operator_inverse.h"

#include "ir/dense.h"

#include <complex.h>
#include <string.h>

enum { MOST_POINTS = 10000000 }; /* a second of the reference, at worst */

/* ---- what is known ---- */

static bool is_known(const struct reading *reading, const struct ir_node *node)
{
    return node->op == IR_const_node || ir_is_known(reading->statement->body->context, node, MOST_POINTS);
}

bool operator_is_constant(const struct reading *reading, const struct operator_node *operator_)
{
    const struct formula *number = operator_->number;
    bool constant = !number || number->kind == FORMULA_NUMBER ||
                    (number->kind == FORMULA_ACCESS && number->node->rank == 0 && is_known(reading, number->node));
    for (uint32_t k = 0; constant && k < operator_->n_tensors; k++)
        constant = is_known(reading, operator_->tensors[k].node);
    for (uint32_t k = 0; constant && k < operator_->n_parts; k++)
        constant = operator_is_constant(reading, operator_->parts[k]);
    return constant;
}

const struct ir_node *operator_settled(const struct reading *reading, const struct ir_node *tensor)
{
    return tensor->op != IR_const_node && is_known(reading, tensor) ? operator_folded(reading, tensor) : tensor;
}

/* ---- numbers ---- */

static const struct ir_tensor *evaluate(const struct reading *reading, const struct ir_node *node)
{
    struct ir_context *context = reading->statement->body->context;
    struct arena *arena = reading->statement->body->arena;
    struct ir_output output = {.name = "numbers", .node = node};
    struct ir_kernel kernel = {.name = "numbers", .n_outputs = 1, .outputs = &output};
    int64_t *dims = ARENA_ARRAY(arena, ir_dim_count(context), int64_t);
    struct ir_tensor *values = ARENA_NEW(arena, struct ir_tensor);
    if (!node || !values || (!dims && ir_dim_count(context) > 0))
        return NULL;
    return ir_eval(context, &kernel, IR_EVAL_NUMBERS, dims, NULL, values, NULL) == EINC_OK ? values : NULL;
}

double _Complex operator_number_at(enum ir_elem elem, const void *data, size_t at)
{
    struct ir_number number = ir_number_load(elem, data, at);
    if (ir_elem_is_integer(elem) || elem == IR_bool)
        return (double)number.i;
    double parts[2] = {number.re, ir_elem_is_complex(elem) ? number.im : 0};
    double _Complex value;
    memcpy(&value, parts, sizeof value); /* re + i im would make nan of i times infinity */
    return value;
}

bool operator_known_number(const struct reading *reading, const struct formula *number, double _Complex *value)
{
    if (number->kind == FORMULA_NUMBER) {
        *value = number->number.re + number->number.im * I;
        return true;
    }
    const struct ir_tensor *values = number->kind == FORMULA_ACCESS && number->node->rank == 0 && is_known(reading, number->node)
                                         ? evaluate(reading, number->node)
                                         : NULL;
    if (values)
        *value = operator_number_at(values->elem, values->data, 0);
    return values != NULL;
}

const double _Complex *operator_numbers(const struct reading *reading, const struct operator_node *operator_, size_t *n)
{
    int64_t rows, columns;
    if (!operator_is_constant(reading, operator_) || !poly_is_constant(operator_->rows, &rows) ||
        !poly_is_constant(operator_->columns, &columns) || rows != columns || rows > DENSE_MOST_ROWS)
        return NULL;
    const struct ir_tensor *values = evaluate(reading, operator_formed(reading, operator_));
    *n = (size_t)rows;
    double _Complex *numbers = ARENA_ARRAY(reading->statement->body->arena, *n * *n, double _Complex);
    for (size_t k = 0; numbers && values && k < *n * *n; k++)
        numbers[k] = operator_number_at(values->elem, values->data, k);
    return values ? numbers : NULL;
}

const struct ir_node *operator_constant(const struct reading *reading, enum ir_elem elem, uint32_t rank,
                                        const struct poly *const *shape, const double _Complex *numbers)
{
    struct ir_context *context = reading->statement->body->context;
    size_t count = 1;
    for (uint32_t axis = 0; axis < rank; axis++) {
        int64_t extent = 0;
        (void)poly_is_constant(shape[axis], &extent);
        count *= (size_t)extent;
    }
    struct ir_constant constant = {.bytes = count * ir_elem_info(elem)->bytes};
    void *data = arena_alloc(ir_arena(context), count, ir_elem_info(elem)->bytes);
    for (size_t k = 0; data && k < count; k++)
        ir_number_store(ir_elem_is_complex(elem) ? ir_number_complex(elem, creal(numbers[k]), cimag(numbers[k]))
                                                 : ir_number_real(elem, creal(numbers[k])),
                        data, k);
    constant.data = data;
    return data ? ir_constant(context, elem, rank, shape, &constant) : NULL;
}

const struct ir_node *operator_folded(const struct reading *reading, const struct ir_node *node)
{
    return node ? ir_evaluated(reading->statement->body->context, node, NULL) : NULL;
}

const struct ir_node *operator_constant_reciprocals(const struct reading *reading, const struct ir_node *constant)
{
    size_t count = constant->constant->bytes / ir_elem_info(constant->elem)->bytes;
    double _Complex *numbers = ARENA_ARRAY(reading->statement->body->arena, count, double _Complex);
    for (size_t k = 0; numbers && k < count; k++)
        numbers[k] = 1 / operator_number_at(constant->elem, constant->constant->data, k);
    return numbers ? operator_constant(reading, constant->elem, constant->rank, constant->shape, numbers) : NULL;
}
