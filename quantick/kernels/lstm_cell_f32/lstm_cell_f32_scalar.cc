#include "quantick/kernels/activation/pieces.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32_rows.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int64_t kLanes = 1;
  float v;
  static Vector load(const float* p, int64_t) { return {*p}; }
  static void store(float* p, Vector x, int64_t) { *p = x.v; }
  static Vector broadcast(float x) { return {x}; }
  static Vector sigmoid(Vector x) { return {sigmoid1(x.v)}; }
  static Vector tanh(Vector x) { return {tanh1(x.v)}; }
  friend Vector operator+(Vector a, Vector b) { return {a.v + b.v}; }
  friend Vector operator-(Vector a, Vector b) { return {a.v - b.v}; }
  friend Vector operator*(Vector a, Vector b) { return {a.v * b.v}; }
};

}  // namespace

void lstm_cell_forward_scalar(const LstmCellForward& call) { lstm_cell_forward_rows<Vector>(call); }
void lstm_cell_backward_scalar(const LstmCellBackward& call) { lstm_cell_backward_rows<Vector>(call); }

}  // namespace quantick::kernels
