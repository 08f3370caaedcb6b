/* From NumPy's arrays to libeinc's tensors and back, for python/einc, which loads this file's library by ctypes.
 *
 * An array shows where its elements are by `__array_struct__`, a capsule with a C struct (NumPy's array interface protocol, version
 * 3): 60 ns an array, where reading its attributes takes microseconds. `einsum` here is the quick way: arrays of one type that lie
 * as einc takes them. Whatever else it is called with, and whatever goes wrong, it leaves to the general way, written in Python.
 *
 * No header of Python's is needed: the few functions that are called, all of its stable ABI, are declared here and found in the
 * process that loads the library. The interpreter's lock is held on every entry, and given up while einc compiles or runs. */
#include "runtime/einc.h"

#include <stdlib.h>
#include <string.h>

/* ---- of CPython's stable ABI ---- */

typedef struct python_object PyObject;
typedef ptrdiff_t Py_ssize_t;
typedef struct python_thread PyThreadState;

typedef PyObject *fast_call(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names);
enum { METH_KEYWORDS = 0x2, METH_FASTCALL = 0x80 };
typedef struct {
    const char *name;
    fast_call *function;
    int flags;
    const char *doc;
} PyMethodDef;

void Py_IncRef(PyObject *object);
void Py_DecRef(PyObject *object);
PyThreadState *PyEval_SaveThread(void);
void PyEval_RestoreThread(PyThreadState *thread);
PyObject *PyErr_NoMemory(void);
PyObject *PyErr_Occurred(void);
void PyErr_Clear(void);
void PyErr_SetString(PyObject *type, const char *message);
extern PyObject *PyExc_TypeError;
PyObject *PyObject_GetAttr(PyObject *object, PyObject *name);
PyObject *PyObject_GetItem(PyObject *object, PyObject *key);
PyObject *PyObject_CallFunctionObjArgs(PyObject *function, ...);
PyObject *PyObject_Vectorcall(PyObject *function, PyObject *const *arguments, size_t count, PyObject *names);
PyObject *PyCapsule_New(void *pointer, const char *name, void (*destroy)(PyObject *capsule));
void *PyCapsule_GetPointer(PyObject *capsule, const char *name);
PyObject *PyCFunction_NewEx(const PyMethodDef *method, PyObject *self, PyObject *module);
const char *PyUnicode_AsUTF8AndSize(PyObject *string, Py_ssize_t *size);
int PyUnicode_CompareWithASCIIString(PyObject *string, const char *other);
PyObject *PyTuple_New(Py_ssize_t size);
Py_ssize_t PyTuple_Size(PyObject *tuple);
PyObject *PyTuple_GetItem(PyObject *tuple, Py_ssize_t at);
int PyTuple_SetItem(PyObject *tuple, Py_ssize_t at, PyObject *item);
PyObject *PyLong_FromLongLong(long long value);
long long PyLong_AsLongLong(PyObject *number);
extern PyObject _Py_NoneStruct;

/* ---- arrays ---- */

/* What the capsule of `__array_struct__` holds. */
struct array_interface {
    int two;
    int rank;
    char kind;
    int item_size;
    int flags;
    const Py_ssize_t *shape;
    const Py_ssize_t *strides; /* in bytes */
    void *data;
    PyObject *description;
};
enum { IS_ALIGNED = 0x100, IS_NATIVE = 0x200, IS_WRITEABLE = 0x400 };

enum { RANK = 64, SMALL_CALL = 6, KINDS = 5, SIZES = 5, DL_BOOL = 6 /* kDLBool, since DLPack 0.8 */ };
static const char kinds[KINDS] = {'f', 'c', 'i', 'u', 'b'};

struct tensor {
    DLTensor tensor;
    PyObject *capsule; /* keeps shape and, of a number, data */
    int64_t strides[RANK];
    int64_t shape[RANK];
};

static bool find_type(char kind, int item_size, DLDataType *type)
{
    static const uint8_t codes[KINDS] = {kDLFloat, kDLComplex, kDLInt, kDLUInt, DL_BOOL};
    for (int k = 0; k < KINDS; k++)
        if (kinds[k] == kind && item_size > 0 && item_size <= 1 << (SIZES - 1)) {
            *type = (DLDataType){codes[k], (uint8_t)(8 * item_size), 1};
            return true;
        }
    return false;
}

static bool copy_axes(struct tensor *tensor, const struct array_interface *interface)
{
    for (int axis = 0; axis < interface->rank; axis++) {
        tensor->shape[axis] = interface->shape[axis];
        tensor->strides[axis] = interface->strides[axis] / interface->item_size;
        if (interface->shape[axis] > 1 &&
            (interface->strides[axis] < 0 || tensor->strides[axis] * interface->item_size != interface->strides[axis]))
            return false;
    }
    return true;
}

/* False: the object is no array, or none that lies as einc takes it; an error may be set. */
static bool read_tensor(struct tensor *tensor, PyObject *array, PyObject *attribute, int needed)
{
    tensor->capsule = PyObject_GetAttr(array, attribute);
    const struct array_interface *interface = tensor->capsule ? PyCapsule_GetPointer(tensor->capsule, NULL) : NULL;
    int flags = IS_ALIGNED | IS_NATIVE | needed;
    DLDataType type;
    if (!interface || interface->two != 2 || interface->rank > RANK || (interface->flags & flags) != flags ||
        !find_type(interface->kind, interface->item_size, &type) || !copy_axes(tensor, interface))
        return false;
    tensor->tensor = (DLTensor){.data = interface->data,
                                .device = {kDLCPU, 0},
                                .ndim = interface->rank,
                                .dtype = type,
                                .shape = tensor->shape,
                                .strides = tensor->strides};
    return true;
}

/* ---- tensors of a call ---- */

struct call {
    size_t count;
    struct tensor *tensors, small[SMALL_CALL];
    const DLTensor **pointers, *small_pointers[SMALL_CALL];
};

static bool call_open(struct call *call, size_t count)
{
    bool is_small = count <= SMALL_CALL;
    call->count = count;
    call->tensors = is_small ? call->small : malloc(count * sizeof *call->tensors);
    call->pointers = is_small ? call->small_pointers : malloc(count * sizeof *call->pointers);
    for (size_t k = 0; call->tensors && call->pointers && k < count; k++) {
        call->tensors[k].capsule = NULL;
        call->pointers[k] = &call->tensors[k].tensor;
    }
    if (!call->tensors || !call->pointers)
        PyErr_NoMemory();
    return call->tensors && call->pointers;
}

static void call_close(struct call *call)
{
    for (size_t k = 0; call->tensors && call->pointers && k < call->count; k++)
        Py_DecRef(call->tensors[k].capsule);
    if (call->tensors != call->small)
        free(call->tensors);
    if (call->pointers != call->small_pointers)
        free(call->pointers);
}

static PyObject *shape_tuple(int rank, const int64_t *shape)
{
    PyObject *tuple = PyTuple_New(rank);
    for (int axis = 0; tuple && axis < rank; axis++) {
        PyObject *extent = PyLong_FromLongLong(shape[axis]);
        if (!extent || PyTuple_SetItem(tuple, axis, extent) != 0) {
            Py_DecRef(tuple);
            return NULL;
        }
    }
    return tuple;
}

/* ---- the quick way: what its functions keep ---- */

struct quick {
    PyObject *owner;     /* keeps the context, or the program */
    PyObject *general;   /* is called where this is not enough */
    PyObject *empty;     /* numpy.empty */
    PyObject *types;     /* dtypes: of each kind, of 1, 2, 4, ... bytes; None: there is none */
    PyObject *attribute; /* "__array_struct__" */
    PyObject *nothing;   /* () */
    struct einc_context *context;
    const struct einc_kernel *kernel;
    size_t n_inputs, n_arguments; /* of the kernel; what is between the two are outputs */
    size_t n_given;               /* tensors that the caller gives: the inputs, then outputs that are updated */
    bool *is_updated;             /* one an output */
};
static const char quick_name[] = "einc.quick";

static void quick_destroy(PyObject *capsule)
{
    struct quick *quick = PyCapsule_GetPointer(capsule, quick_name);
    PyObject *const objects[] = {quick->general, quick->empty, quick->attribute, quick->nothing, quick->types, quick->owner};
    for (size_t k = 0; k < sizeof objects / sizeof *objects; k++)
        Py_DecRef(objects[k]);
    free(quick->is_updated);
    free(quick);
}

/* A function that keeps what `given` has; its `is_updated` is taken over. */
static PyObject *quick_create(const struct quick *given, const PyMethodDef *method)
{
    struct quick *quick = malloc(sizeof *quick);
    PyObject *nothing = quick ? PyTuple_New(0) : PyErr_NoMemory();
    PyObject *capsule = nothing ? PyCapsule_New(quick, quick_name, quick_destroy) : NULL;
    if (!capsule) {
        Py_DecRef(nothing);
        free(quick);
        free(given->is_updated);
        return NULL;
    }
    *quick = *given;
    quick->nothing = nothing;
    PyObject *const objects[] = {quick->owner, quick->general, quick->empty, quick->attribute, quick->types};
    for (size_t k = 0; k < sizeof objects / sizeof *objects; k++)
        Py_IncRef(objects[k]);
    PyObject *function = PyCFunction_NewEx(method, capsule, NULL);
    Py_DecRef(capsule);
    return function;
}

/* NULL: an error, or a type that NumPy has not. */
static PyObject *make_array(const struct quick *quick, DLDataType type, int rank, const int64_t *shape)
{
    static const int kind_of[] = {[kDLFloat] = 0, [kDLComplex] = 1, [kDLInt] = 2, [kDLUInt] = 3, [DL_BOOL] = 4};
    int size = 0;
    while (8 << size < type.bits)
        size++;
    if (type.code == kDLBfloat)
        return NULL;
    PyObject *extents = shape_tuple(rank, shape);
    PyObject *dtype = PyTuple_GetItem(quick->types, kind_of[type.code] * SIZES + size);
    PyObject *array = extents && dtype ? PyObject_CallFunctionObjArgs(quick->empty, extents, dtype, NULL) : NULL;
    Py_DecRef(extents);
    return array;
}

/* What the caller gets for an array that was made: of rank 0 a number, as NumPy gives. Takes the reference. */
static PyObject *as_result(const struct quick *quick, PyObject *array, const DLTensor *tensor)
{
    if (tensor->ndim > 0)
        return array;
    PyObject *number = PyObject_GetItem(array, quick->nothing);
    Py_DecRef(array);
    return number;
}

static bool same_type(const DLTensor *a, const DLTensor *b)
{
    return a->dtype.code == b->dtype.code && a->dtype.bits == b->dtype.bits;
}

/* ---- einsums ---- */

/* An array for the result; NULL: an error, or not for the quick way. */
static PyObject *make_result(const struct quick *quick, const struct call *call, const char *string)
{
    DLDataType type;
    int rank;
    int64_t shape[RANK];
    PyThreadState *thread = PyEval_SaveThread();
    enum einc_status status = einc_einsum_result(quick->context, string, call->count - 1, call->pointers, &type, &rank, shape);
    PyEval_RestoreThread(thread);
    return status == EINC_OK ? make_array(quick, type, rank, shape) : NULL;
}

/* The result; NULL: an error, or not for the quick way. */
static PyObject *run_einsum(const struct quick *quick, struct call *call, const char *string, PyObject *const *operands,
                            PyObject *out)
{
    struct tensor *first = &call->tensors[0], *result = &call->tensors[call->count - 1];
    for (struct tensor *tensor = first; tensor < result; tensor++)
        if (!read_tensor(tensor, *operands++, quick->attribute, 0) || !same_type(&tensor->tensor, &first->tensor))
            return NULL;
    if (out)
        Py_IncRef(out);
    PyObject *array = out ? out : make_result(quick, call, string);
    enum einc_status status = EINC_INVALID;
    if (array && read_tensor(result, array, quick->attribute, IS_WRITEABLE) && same_type(&result->tensor, &first->tensor)) {
        PyThreadState *thread = PyEval_SaveThread();
        status = einc_einsum(quick->context, string, call->count - 1, call->pointers, &result->tensor);
        PyEval_RestoreThread(thread);
    }
    if (status == EINC_OK)
        return out ? out : as_result(quick, array, &result->tensor);
    Py_DecRef(array);
    return NULL;
}

/* A string, and arrays: all there is, but for `out`. */
static const char *quick_string(PyObject *const *arguments, Py_ssize_t count, PyObject *names, PyObject **out)
{
    Py_ssize_t n_names = names ? PyTuple_Size(names) : 0, length;
    if (count < 2 || n_names > 1 || (n_names == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "out") != 0))
        return NULL;
    *out = n_names == 1 && arguments[count] != &_Py_NoneStruct ? arguments[count] : NULL;
    const char *string = PyUnicode_AsUTF8AndSize(arguments[0], &length);
    return string && strlen(string) == (size_t)length ? string : NULL;
}

static PyObject *einsum(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    const struct quick *quick = PyCapsule_GetPointer(self, quick_name);
    struct call call;
    PyObject *out = NULL, *result = NULL;
    const char *string = quick_string(arguments, count, names, &out);
    if (string) {
        if (call_open(&call, (size_t)count))
            result = run_einsum(quick, &call, string, &arguments[1], out);
        call_close(&call);
    }
    if (result)
        return result;
    PyErr_Clear();
    return PyObject_Vectorcall(quick->general, arguments, (size_t)count, names);
}

static const char einsum_doc[] =
    "einsum(*operands, out=None, optimize=False, dtype=None, order='K', casting='safe', engine=None)\n--\n\n"
    "numpy.einsum, by a compiled kernel: a string and arrays, or arrays and lists of labels, and perhaps one of the result's.\n\n"
    "The kernel is kept for arrays of the same types, shapes and strides. `optimize` is ignored: einc finds the order itself.\n"
    "`engine` is one of einc.engines(). Raises einc.Error with einc's diagnostics. docs/python.md has what differs from NumPy.";

/* A function `einsum` of the context; new. `types` is a tuple of KINDS x SIZES. */
PyObject *einc_python_einsum(struct einc_context *context, PyObject *owner, PyObject *general, PyObject *empty, PyObject *types,
                             PyObject *attribute);
PyObject *einc_python_einsum(struct einc_context *context, PyObject *owner, PyObject *general, PyObject *empty, PyObject *types,
                             PyObject *attribute)
{
    static const PyMethodDef method = {"einsum", einsum, METH_FASTCALL | METH_KEYWORDS, einsum_doc};
    const struct quick quick = {owner, general, empty, types, attribute, .context = context};
    return quick_create(&quick, &method);
}

/* From now on the function is that of another context. */
void einc_python_move(PyObject *function_self, struct einc_context *context, PyObject *owner, PyObject *general);
void einc_python_move(PyObject *function_self, struct einc_context *context, PyObject *owner, PyObject *general)
{
    struct quick *quick = PyCapsule_GetPointer(function_self, quick_name);
    if (!quick)
        return;
    PyObject *old_owner = quick->owner, *old_general = quick->general;
    Py_IncRef(owner);
    Py_IncRef(general);
    quick->context = context;
    quick->owner = owner;
    quick->general = general;
    Py_DecRef(old_owner);
    Py_DecRef(old_general);
}

/* ---- kernels ---- */

/* The tensors that the caller gives; others are NULL. */
static bool read_given(const struct quick *quick, struct call *call, PyObject *const *arguments)
{
    for (size_t k = 0; k < call->count; k++) {
        bool is_input = k < quick->n_inputs;
        if (!is_input && !quick->is_updated[k - quick->n_inputs])
            call->pointers[k] = NULL;
        else if (!read_tensor(&call->tensors[k], *arguments++, quick->attribute, is_input ? 0 : IS_WRITEABLE))
            return false;
    }
    return true;
}

/* Arrays for the outputs that are not updated; they belong to `outputs`. */
static bool make_outputs(const struct quick *quick, struct call *call, PyObject **outputs)
{
    for (size_t k = quick->n_inputs; k < call->count; k++) {
        DLDataType type;
        int rank;
        int64_t shape[RANK];
        if (call->pointers[k])
            continue;
        if (einc_kernel_result(quick->kernel, call->count, call->pointers, NULL, k, &type, &rank, shape) != EINC_OK)
            return false;
        PyObject *array = make_array(quick, type, rank, shape);
        outputs[k - quick->n_inputs] = array;
        if (!array || !read_tensor(&call->tensors[k], array, quick->attribute, IS_WRITEABLE))
            return false;
        call->pointers[k] = &call->tensors[k].tensor;
    }
    return true;
}

/* One output, or a tuple of them. References in `outputs` that are not NULL are taken. */
static PyObject *give_outputs(const struct quick *quick, const struct call *call, PyObject *const *arguments, PyObject **outputs)
{
    size_t n_outputs = call->count - quick->n_inputs, given = quick->n_inputs;
    PyObject *tuple = n_outputs == 1 ? NULL : PyTuple_New((Py_ssize_t)n_outputs);
    for (size_t k = 0; k < n_outputs; k++) {
        PyObject *output = outputs[k];
        outputs[k] = NULL;
        if (quick->is_updated[k])
            Py_IncRef(output = arguments[given++]);
        else
            output = as_result(quick, output, call->pointers[quick->n_inputs + k]);
        if (n_outputs == 1)
            return output;
        if (!tuple || !output || PyTuple_SetItem(tuple, (Py_ssize_t)k, output) != 0) {
            Py_DecRef(tuple);
            return NULL;
        }
    }
    return tuple;
}

static PyObject *run_kernel(const struct quick *quick, struct call *call, PyObject *const *arguments)
{
    size_t n_outputs = call->count - quick->n_inputs;
    PyObject *small[SMALL_CALL] = {NULL}, *result = NULL;
    PyObject **outputs = n_outputs <= SMALL_CALL ? small : calloc(n_outputs, sizeof(PyObject *));
    if (outputs && read_given(quick, call, arguments) && make_outputs(quick, call, outputs)) {
        PyThreadState *thread = PyEval_SaveThread();
        enum einc_status status = einc_kernel_run(quick->kernel, call->count, call->pointers, NULL);
        PyEval_RestoreThread(thread);
        result = status == EINC_OK ? give_outputs(quick, call, arguments, outputs) : NULL;
    }
    for (size_t k = 0; outputs && k < n_outputs; k++)
        Py_DecRef(outputs[k]);
    if (outputs != small)
        free(outputs);
    return result;
}

static PyObject *kernel(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *names)
{
    const struct quick *quick = PyCapsule_GetPointer(self, quick_name);
    PyObject *result = NULL;
    struct call call;
    if ((size_t)count == quick->n_given && (!names || PyTuple_Size(names) == 0)) {
        if (call_open(&call, quick->n_arguments))
            result = run_kernel(quick, &call, arguments);
        call_close(&call);
    }
    if (result)
        return result;
    PyErr_Clear();
    return PyObject_Vectorcall(quick->general, arguments, (size_t)count, names);
}

/* A function that runs the kernel; new. `updated` has a number for each output: is it updated in place? */
PyObject *einc_python_kernel(const struct einc_kernel *given, PyObject *owner, size_t n_inputs, PyObject *updated,
                             PyObject *general, PyObject *empty, PyObject *types, PyObject *attribute);
PyObject *einc_python_kernel(const struct einc_kernel *given, PyObject *owner, size_t n_inputs, PyObject *updated,
                             PyObject *general, PyObject *empty, PyObject *types, PyObject *attribute)
{
    static const PyMethodDef method = {"kernel", kernel, METH_FASTCALL | METH_KEYWORDS, NULL};
    size_t n_outputs = (size_t)PyTuple_Size(updated);
    struct quick quick = {owner, general, empty, types, attribute, .kernel = given, .n_inputs = n_inputs, .n_given = n_inputs};
    quick.n_arguments = n_inputs + n_outputs;
    quick.is_updated = malloc(n_outputs + 1);
    if (!quick.is_updated)
        return PyErr_NoMemory();
    for (size_t k = 0; k < n_outputs; k++) {
        quick.is_updated[k] = PyLong_AsLongLong(PyTuple_GetItem(updated, (Py_ssize_t)k)) != 0;
        quick.n_given += quick.is_updated[k];
    }
    return quick_create(&quick, &method);
}

/* ---- the general way: arrays in a tuple, all of them as einc takes them ---- */

/* Those from `n_inputs` on are written; None is NULL. */
static bool read_all(struct call *call, PyObject *arrays, size_t n_inputs, PyObject *attribute)
{
    if (!call_open(call, (size_t)PyTuple_Size(arrays)))
        return false;
    for (size_t k = 0; k < call->count; k++) {
        PyObject *array = PyTuple_GetItem(arrays, (Py_ssize_t)k);
        if (array == &_Py_NoneStruct)
            call->pointers[k] = NULL;
        else if (!read_tensor(&call->tensors[k], array, attribute, k < n_inputs ? 0 : IS_WRITEABLE)) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "an array does not lie as einc takes it");
            return false;
        }
    }
    return true;
}

/* Dims in a tuple of names and sizes by turns. */
static bool read_dims(struct einc_run_options *options, PyObject *pairs)
{
    size_t count = (size_t)PyTuple_Size(pairs) / 2;
    struct einc_dim *dims = malloc((count + 1) * sizeof *dims);
    *options = (struct einc_run_options){.size = sizeof *options, .dims = dims, .n_dims = count};
    if (!dims)
        PyErr_NoMemory();
    for (size_t k = 0; dims && k < count; k++) {
        dims[k].name = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(pairs, (Py_ssize_t)(2 * k)), NULL);
        dims[k].value = PyLong_AsLongLong(PyTuple_GetItem(pairs, (Py_ssize_t)(2 * k + 1)));
    }
    return !PyErr_Occurred();
}

enum { FAILED = -1 }; /* not a status: an error is set */

int einc_python_run(const struct einc_kernel *kernel, PyObject *arrays, size_t n_inputs, PyObject *pairs, PyObject *attribute);
int einc_python_run(const struct einc_kernel *kernel, PyObject *arrays, size_t n_inputs, PyObject *pairs, PyObject *attribute)
{
    struct call call;
    struct einc_run_options options = {0};
    int status = FAILED;
    if (read_all(&call, arrays, n_inputs, attribute) && read_dims(&options, pairs)) {
        PyThreadState *thread = PyEval_SaveThread();
        status = (int)einc_kernel_run(kernel, call.count, call.pointers, &options);
        PyEval_RestoreThread(thread);
    }
    free((void *)options.dims);
    call_close(&call);
    return status;
}

/* The shape that the tensor `at` must have; None: the context's report says what is wrong. */
PyObject *einc_python_shape(const struct einc_kernel *kernel, PyObject *arrays, size_t at, PyObject *pairs, PyObject *attribute);
PyObject *einc_python_shape(const struct einc_kernel *kernel, PyObject *arrays, size_t at, PyObject *pairs, PyObject *attribute)
{
    struct call call;
    struct einc_run_options options = {0};
    PyObject *shape = NULL;
    if (read_all(&call, arrays, SIZE_MAX, attribute) && read_dims(&options, pairs)) {
        DLDataType type;
        int rank;
        int64_t extents[RANK];
        if (einc_kernel_result(kernel, call.count, call.pointers, &options, at, &type, &rank, extents) == EINC_OK)
            shape = shape_tuple(rank, extents);
        else
            Py_IncRef(shape = &_Py_NoneStruct);
    }
    free((void *)options.dims);
    call_close(&call);
    return shape;
}
