#include <algorithm>
#include <optional>

#include "quantick/autograd/autograd.h"
#include "quantick/bindings/python/array.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/core/error.h"
#include "quantick/ops/ops.h"

namespace nb = nanobind;

namespace quantick::python {
namespace {

/// One piece of an index, in the order in which they were written.
struct Piece {
  enum class Kind { number, slice, fresh_axis, array, rest } kind;
  int64_t number = 0;   ///< the index, or of the rest (Ellipsis) how many axes it stands for
  nb::object cut = {};  ///< the slice object
  Array picks = {};     ///< int64 indices, not checked yet
  int64_t extent = -1;  ///< of the mask's axis that the indices came from

  /// How many axes of the indexed array it stands for.
  int axes() const { return kind == Kind::rest ? static_cast<int>(number) : kind == Kind::fresh_axis ? 0 : 1; }
  bool picks_elements() const { return kind == Kind::array || kind == Kind::number; }
};

/// Positions of the true elements of a mask, one array per axis of it, as numpy.nonzero gives them.
std::vector<Array> positions(const Array& mask) {
  const auto held = mask.to_vector<bool>();
  const Shape strides = row_major_strides(mask.shape());
  std::vector<std::vector<int64_t>> at(static_cast<size_t>(mask.ndim()));
  for (size_t i = 0; i < held.size(); ++i) {
    if (!held[i]) continue;
    auto rest = static_cast<int64_t>(i);
    for (int axis = 0; axis < mask.ndim(); ++axis) {
      at[static_cast<size_t>(axis)].push_back(rest / strides[axis]);
      rest %= strides[axis];
    }
  }
  std::vector<Array> out;
  for (const auto& axis : at) out.push_back(Array::from(axis));
  return out;
}

Array index_array(nb::handle value) {
  if (!nb::isinstance<nb::list>(value)) return array_of(value);
  const nb::object copied = nb::module_::import_("numpy").attr("asarray")(value);
  if (nb::cast<int64_t>(copied.attr("size")) == 0) return Array::empty({0}, DType::i64);
  return array_of(copied);
}

class Index {
 public:
  Index(const Array& x, nb::handle written) : shape_(x.shape()) {
    const nb::tuple items =
        nb::isinstance<nb::tuple>(written) ? nb::borrow<nb::tuple>(written) : nb::make_tuple(written);
    Piece* rest = nullptr;
    pieces.reserve(static_cast<size_t>(nb::len(items)) * Shape::kMaxDims);  // `rest` stays where it is
    for (nb::handle item : items) {
      if (item.is(Py_Ellipsis)) {
        QTK_CHECK(rest == nullptr, IndexError, "[index] two Ellipsis, expected at most one");
        rest = &pieces.emplace_back(Piece{Piece::Kind::rest});
      } else {
        add(item);
      }
    }
    int axes = 0;
    for (const Piece& piece : pieces) axes += piece.axes();
    QTK_CHECK(axes <= x.ndim(), IndexError, "[index] {} axes, expected at most the {} of shape {}", axes, x.ndim(),
              shape_.text());
    if (rest != nullptr) rest->number = x.ndim() - axes;
    check_masks();
    check_neighbours();
  }

  std::vector<Piece> pieces;

 private:
  void add(nb::handle item) {
    if (item.is_none()) {
      pieces.push_back({Piece::Kind::fresh_axis});
    } else if (PySlice_Check(item.ptr())) {
      pieces.push_back({Piece::Kind::slice, 0, nb::borrow(item)});
    } else if (PyIndex_Check(item.ptr()) && !PyBool_Check(item.ptr()) && !nb::isinstance<Array>(item) &&
               !nb::hasattr(item, "__len__")) {
      const Py_ssize_t number = PyNumber_AsSsize_t(item.ptr(), PyExc_IndexError);
      if (number == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
      pieces.push_back({Piece::Kind::number, number});
    } else {
      add_array(item);
    }
  }

  void add_array(nb::handle item) {
    QTK_CHECK(!PyBool_Check(item.ptr()) && !PyFloat_Check(item.ptr()), IndexError,
              "[index] was {}, expected whole numbers, slices, Ellipsis, None, arrays of whole numbers or masks",
              nb::cast<std::string>(nb::repr(item)));
    const Array picks = index_array(item);
    check_values_are_free(picks);
    if (picks.dtype() != DType::boolean) {
      QTK_CHECK(!is_float(picks.dtype()), IndexError, "[index] an array of {}, expected whole numbers or bool",
                dtype_name(picks.dtype()));
      pieces.push_back({Piece::Kind::array, 0, {}, picks.astype(DType::i64)});
      return;
    }
    QTK_CHECK(picks.ndim() > 0, IndexError, "[index] a mask without axes, expected one axis or more");
    const std::vector<Array> at = positions(picks);
    for (int axis = 0; axis < picks.ndim(); ++axis)
      pieces.push_back({Piece::Kind::array, 0, {}, at[static_cast<size_t>(axis)], picks.shape()[axis]});
  }

  /// A mask has the extents of the axes it stands for.
  void check_masks() const {
    int axis = 0;
    for (const Piece& piece : pieces) {
      QTK_CHECK(piece.extent < 0 || piece.extent == shape_[axis], IndexError,
                "[index] mask's extent for axis {}, was {}, expected {}", axis, piece.extent, shape_[axis]);
      axis += piece.axes();
    }
  }

  /// Where arrays (and numbers among them) stand apart, NumPy moves their axes to the front; nobody expects it.
  void check_neighbours() const {
    std::optional<size_t> first, last;
    bool array = false;
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (!pieces[i].picks_elements()) continue;
      if (!first) first = i;
      last = i;
      array = array || pieces[i].kind == Piece::Kind::array;
    }
    for (size_t i = first.value_or(0); array && i < *last; ++i)
      QTK_CHECK(pieces[i].picks_elements(), UnsupportedError,
                "[index] arrays and numbers apart from each other, expected them side by side: index in two steps");
  }

  Shape shape_;
};

int64_t checked(int64_t at, int64_t extent, int axis) {
  QTK_CHECK(at >= -extent && at < extent, IndexError, "[index] axis {}, was {}, expected {}..{}", axis, at, -extent,
            extent - 1);
  return at < 0 ? at + extent : at;
}

Array cut(const Array& x, nb::handle ends, int axis) {
  Py_ssize_t start = 0, stop = 0, step = 0;
  if (PySlice_Unpack(ends.ptr(), &start, &stop, &step) != 0) throw nb::python_error();
  const Py_ssize_t count = PySlice_AdjustIndices(x.shape()[axis], &start, &stop, step);
  if (step < 0) {  // views go forward, so this copies
    std::vector<int64_t> at(static_cast<size_t>(count));
    for (size_t i = 0; i < at.size(); ++i) at[i] = start + static_cast<int64_t>(i) * step;
    return take(x, Array::from(at), axis);
  }
  if (start == 0 && stop == x.shape()[axis] && step == 1) return x;
  return slice(x, axis, start, stop, step);
}

/// Elements of neighbouring axes from `axis` on, picked by arrays that broadcast to one shape; `source` is the place of
/// the first of them in the array that the caller wrote the index for.
Array pick(const Array& x, std::span<const Piece> picks, int axis, int source) {
  Shape shape;
  for (const Piece& piece : picks) {
    if (piece.kind != Piece::Kind::array) continue;
    try {
      shape = broadcast_shapes(shape, piece.picks.shape(), "index");
    } catch (const ShapeError& error) {
      throw IndexError(error.what());
    }
  }
  std::vector<int64_t> at(static_cast<size_t>(shape.size()));
  for (int i = 0; i < static_cast<int>(picks.size()); ++i) {
    const Piece& piece = picks[static_cast<size_t>(i)];
    const int64_t extent = x.shape()[axis + i];
    if (piece.kind == Piece::Kind::number) {
      const int64_t number = checked(piece.number, extent, source + i);
      for (int64_t& place : at) place = place * extent + number;
    } else {
      const auto numbers = piece.picks.broadcast_to(shape).to_vector<int64_t>();
      for (size_t k = 0; k < at.size(); ++k) at[k] = at[k] * extent + checked(numbers[k], extent, source + i);
    }
  }
  Shape merged;
  for (int i = 0; i < axis; ++i) merged.push_back(x.shape()[i]);
  int64_t joined = 1;
  const int past = axis + static_cast<int>(picks.size());
  for (int i = axis; i < past; ++i) joined *= x.shape()[i];
  merged.push_back(joined);
  for (int i = past; i < x.ndim(); ++i) merged.push_back(x.shape()[i]);
  return take(picks.size() == 1 ? x : reshape(x, merged), Array::from(at, shape), axis);
}

bool is_whole(nb::handle index) {
  if (index.is(Py_Ellipsis)) return true;
  if (!PySlice_Check(index.ptr())) return false;
  const nb::object whole = nb::slice(nb::none(), nb::none(), nb::none());
  return nb::borrow(index).equal(whole);
}

/// Whether `index` is the number -1.
bool is_last(nb::handle index) { return PyLong_CheckExact(index.ptr()) && index.equal(nb::int_(-1)); }

}  // namespace

Array get_item(const Array& x, nb::handle written) {
  // The newest step: a program has this operator, and none that cuts steps out.
  if (is_last(written) && x.ndim() >= 2 && x.shape()[0] > 0) return sequence_last(x);
  const Index index(x, written);
  const auto& pieces = index.pieces;
  const bool arrays =
      std::any_of(pieces.begin(), pieces.end(), [](const Piece& p) { return p.kind == Piece::Kind::array; });
  Array out = x;
  int axis = 0, source = 0;  // of out, and of x
  for (size_t i = 0; i < pieces.size(); source += pieces[i].axes(), ++i) {
    const Piece& piece = pieces[i];
    if (piece.kind == Piece::Kind::rest) {
      axis += piece.axes();
    } else if (piece.kind == Piece::Kind::fresh_axis) {
      out = expand_dims(out, axis++);
    } else if (piece.kind == Piece::Kind::slice) {
      out = cut(out, piece.cut, axis++);
    } else if (!arrays) {
      const int64_t at = checked(piece.number, out.shape()[axis], source);
      out = squeeze(slice(out, axis, at, at + 1, 1), axis);
    } else {  // arrays and the numbers beside them, all at once
      size_t past = i;
      while (past < pieces.size() && pieces[past].picks_elements()) ++past;
      const auto count = static_cast<int>(past - i);
      const int before = out.ndim();
      out = pick(out, std::span(pieces).subspan(i, past - i), axis, source);
      axis += out.ndim() - before + count;
      source += count - 1;
      i = past - 1;
    }
  }
  return out;
}

void set_item(Array& x, nb::handle index, nb::handle value) {
  QTK_CHECK(x.is_writable(), ValueError,
            "[array] memory of {} is read-only, expected an array of one's own: call copy()", x.type().text());
  const bool array = nb::isinstance<Array>(value);
  check_values_are_free(x);
  if (array) check_values_are_free(nb::cast<Array>(value));
  QTK_CHECK(!autograd::is_recorded(x) && !(array && autograd::is_recorded(nb::cast<Array>(value))), ValueError,
            "[array] item assignment to or from a recorded array of shape {}, expected none under autograd.record(): "
            "use quantick.nd.where or concat, or assign outside",
            x.shape().text());
  if (array && is_whole(index)) {
    const auto source = nb::cast<Array>(value);
    if (source.shape() == x.shape()) return x.assign(source);
  }
  // NumPy would take None for NaN, read texts as numbers and drop imaginary parts.
  const nb::object kind = nb::getattr(nb::getattr(value, "dtype", nb::none()), "kind", nb::str(""));
  QTK_CHECK(!value.is_none() && !nb::isinstance<nb::str>(value) && !nb::isinstance<nb::bytes>(value) &&
                !kind.equal(nb::str("c")),
            TypeError, "[array] value, was a {}{}, expected real numbers", nb::cast<std::string>(nb::inst_name(value)),
            kind.equal(nb::str("c")) ? " of complex numbers" : "");
  // Its own rules for all else: broadcasting, masks, arrays, negative steps.
  nb::object place = nb::borrow(index);
  if (nb::isinstance<Array>(index)) {
    place = numpy_view(nb::cast<Array>(index));
  } else if (nb::isinstance<nb::tuple>(index)) {
    nb::list items;
    for (nb::handle item : nb::borrow<nb::tuple>(index))
      items.append(nb::isinstance<Array>(item) ? numpy_view(nb::cast<Array>(item)) : nb::borrow(item));
    place = nb::tuple(items);
  }
  numpy_view(x)[place] = array ? numpy_view(nb::cast<Array>(value)) : nb::borrow(value);
}

}  // namespace quantick::python
