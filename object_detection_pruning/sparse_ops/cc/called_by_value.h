// Calls from a TensorFlow that GCC 4 has compiled, as the wheels of 1.14 were.
//
// The std::function of GCC 4 hands arguments on by value. That of a later GCC,
// which this library is compiled by, expects references. What is called from
// there reads the values themselves. As an object it is the same with both: 16
// bytes for the function, then what manages it, then what calls it.
//
// The compiler includes this before every source, for such a TensorFlow alone.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_CALLED_BY_VALUE_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_CALLED_BY_VALUE_H_

#include <cstring>
#include <functional>

#include "tensorflow/core/framework/shape_inference.h"

// A standard library from GCC 5 on, whatever the compiler.
#ifdef _GLIBCXX_USE_DUAL_ABI
#define SPARSE_OPS_CALLED_BY_VALUE

namespace std {

// How TensorFlow calls a function that infers shapes.
template <>
inline tensorflow::Status _Function_handler<
    tensorflow::Status(tensorflow::shape_inference::InferenceContext*),
    tensorflow::Status (*)(tensorflow::shape_inference::InferenceContext*)>::
    _M_invoke(const _Any_data& data,
              tensorflow::shape_inference::InferenceContext*&& reference) {
  typedef tensorflow::shape_inference::InferenceContext Context;
  // In place of an address of the argument there is the argument.
  Context* const context = reinterpret_cast<Context*>(&reference);
  return data._M_access<tensorflow::Status (*)(Context*)>()(context);
}

}  // namespace std

namespace sparse_ops {

typedef std::function<void(tensorflow::int64, tensorflow::int64)> RangeWork;

// A pointer to some work; a std::function holds it in its first bytes.
template <typename Work>
struct WorkPointer {
  const Work* work;

  void operator()(tensorflow::int64 first, tensorflow::int64 last) const {
    (*work)(first, last);
  }

  static void Call(const std::_Any_data& data, tensorflow::int64 first,
                   tensorflow::int64 last) {
    (*reinterpret_cast<const WorkPointer*>(&data))(first, last);
  }
};

template <typename Work>
RangeWork AsCalled(const Work& work) {
  RangeWork called(WorkPointer<Work>{&work});
  void (*const call)(const std::_Any_data&, tensorflow::int64,
                     tensorflow::int64) = WorkPointer<Work>::Call;
  static_assert(sizeof(called) == sizeof(std::_Any_data) + 2 * sizeof(call),
                "a std::function must end with what calls it");
  std::memcpy(reinterpret_cast<char*>(&called) + sizeof(called) - sizeof(call),
              &call, sizeof(call));
  return called;
}

}  // namespace sparse_ops
#endif  // _GLIBCXX_USE_DUAL_ABI

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_CALLED_BY_VALUE_H_
