/* Tensors for tests of the library: dense ones over an array, shapes as arguments. */
#ifndef TESTS_LIBRARY_TENSORS_H
#define TESTS_LIBRARY_TENSORS_H

#include "runtime/einc.h"

#define SHAPE(...) (int64_t[]){__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define F64        ((DLDataType){kDLFloat, 64, 1})
#define F32        ((DLDataType){kDLFloat, 32, 1})
#define I32        ((DLDataType){kDLInt, 32, 1})

static inline DLTensor tensor_of(void *data, DLDataType type, int64_t *shape, int rank)
{
    return (DLTensor){.data = data, .device = {kDLCPU, 0}, .ndim = rank, .dtype = type, .shape = shape};
}

static inline DLTensor scalar_of(void *data, DLDataType type)
{
    return tensor_of(data, type, NULL, 0);
}

#endif
