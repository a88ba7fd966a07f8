// quantick.h over runtime: handles are structs here, exceptions become statuses at the border.
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "quantick/bindings/quantick.h"
#include "quantick/core/error.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/model_slot.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

using namespace quantick;
using runtime::Plan;
using runtime::Status;

struct qtk_model {
  explicit qtk_model(const char* path) : qtk_model(runtime::load_with_plan(path)) {}
  explicit qtk_model(runtime::LoadedProgram loaded)
      : program(std::move(loaded.program)), session(std::make_shared<runtime::Session>(std::move(loaded.plan))) {}
  runtime::Program program;
  std::shared_ptr<const runtime::Session> session;
};

/// Keeps the model's plan, not the model: either may go first.
struct qtk_stream {
  runtime::Stream stream;
};

struct qtk_slot {
  runtime::ModelSlot stream;
};

namespace {

constexpr size_t kErrorBytes = 1024;
thread_local char last_error[kErrorBytes] = "";

qtk_status failed(qtk_status status, std::string_view text) noexcept {
  const size_t length = std::min(text.size(), kErrorBytes - 1);
  std::memcpy(last_error, text.data(), length);
  last_error[length] = 0;
  return status;
}

/// Runs body() and turns what it throws into a status; the message stays for qtk_last_error.
template <class Body>
qtk_status guarded(Body body) noexcept {
  try {
    body();
    return QTK_OK;
  } catch (const IoError& error) {
    return failed(QTK_FILE, error.what());
  } catch (const FormatError& error) {
    return failed(QTK_FORMAT, error.what());
  } catch (const UnsupportedError& error) {
    return failed(QTK_UNSUPPORTED, error.what());
  } catch (const InvariantError& error) {
    return failed(QTK_INTERNAL, error.what());
  } catch (const Error& error) {
    return failed(QTK_INVALID, error.what());
  } catch (const std::bad_alloc&) {
    return failed(QTK_NO_MEMORY, "[quantick] out of memory");
  } catch (const std::exception& error) {
    return failed(QTK_INTERNAL, error.what());
  } catch (...) {
    return failed(QTK_INTERNAL, "[quantick] unknown exception");
  }
}

qtk_status tick_status(const Status& status, qtk_where* where) noexcept {
  if (where != nullptr) *where = {status.instrument, status.column};
  switch (status.code) {
    case Status::Code::ok:
      return QTK_OK;
    case Status::Code::warming_up:
      return QTK_WARMING_UP;
    case Status::Code::not_finite:
      return QTK_NOT_FINITE;
    case Status::Code::wrong_size:
      return QTK_WRONG_SIZE;
    case Status::Code::wrong_instrument:
      return QTK_WRONG_INSTRUMENT;
  }
  return QTK_INTERNAL;
}

std::span<const float> rows(const float* data, int64_t count, int64_t width) {
  return {data, static_cast<size_t>(count * width)};
}
std::span<float> rows(float* data, int64_t count, int64_t width) { return {data, static_cast<size_t>(count * width)}; }

// A Stream says a Status, a ModelSlot a Tick.
const Status& status_of(const Status& status) { return status; }
const Status& status_of(const runtime::Tick& tick) { return tick.status; }
uint64_t model_of(const Status&) { return 1; }
uint64_t model_of(const runtime::Tick& tick) { return tick.model; }

template <class Handle>
qtk_status step_one(Handle* handle, int64_t instrument, const float* features, float* out, qtk_where* where,
                    uint64_t* number) noexcept {
  if (handle == nullptr || features == nullptr || out == nullptr) return QTK_INVALID;
  auto& s = handle->stream;
  const auto said = s.step(instrument, rows(features, 1, s.columns()), rows(out, 1, s.output_width()));
  if (number != nullptr) *number = model_of(said);
  return tick_status(status_of(said), where);
}

template <class Handle>
qtk_status step_many(Handle* handle, const int64_t* instruments, int64_t count, const float* features, float* out,
                     qtk_where* where, uint64_t* number) noexcept {
  if (handle == nullptr || instruments == nullptr || features == nullptr || out == nullptr) return QTK_INVALID;
  auto& s = handle->stream;
  if (count < 0 || count > s.instruments()) return tick_status({Status::Code::wrong_size}, where);
  const auto said = s.step({instruments, static_cast<size_t>(count)}, rows(features, count, s.columns()),
                           rows(out, count, s.output_width()));
  if (number != nullptr) *number = model_of(said);
  return tick_status(status_of(said), where);
}

template <class Handle>
qtk_status absorb(Handle* handle, int64_t instrument, int64_t count, const float* features, qtk_where* where,
                  uint64_t* number) noexcept {
  if (handle == nullptr || features == nullptr) return QTK_INVALID;
  auto& s = handle->stream;
  if (count < 0) return tick_status({Status::Code::wrong_size}, where);
  const auto said = s.absorb(instrument, rows(features, count, s.columns()));
  if (number != nullptr) *number = model_of(said);
  return tick_status(status_of(said), where);
}

template <class Handle>
qtk_status prepare(Handle* handle, int64_t instrument) noexcept {
  if (handle == nullptr) return QTK_INVALID;
  if (instrument < -1 || instrument >= handle->stream.instruments()) return QTK_WRONG_INSTRUMENT;
  if (instrument < 0)
    handle->stream.prepare();
  else
    handle->stream.prepare(instrument);
  return QTK_OK;
}

template <class Handle>
qtk_status reset(Handle* handle, int64_t instrument) noexcept {
  if (handle == nullptr) return QTK_INVALID;
  if (instrument < -1 || instrument >= handle->stream.instruments()) return QTK_WRONG_INSTRUMENT;
  if (instrument < 0)
    handle->stream.reset();
  else
    handle->stream.reset(instrument);
  return QTK_OK;
}

template <class Handle>
qtk_status warm_up(Handle* handle) noexcept {
  if (handle == nullptr) return QTK_INVALID;
  handle->stream.warm_up();
  return QTK_OK;
}

template <class Handle>
qtk_status keep_warm(Handle* handle) noexcept {
  if (handle == nullptr) return QTK_INVALID;
  handle->stream.keep_warm();
  return QTK_OK;
}

}  // namespace

int32_t qtk_abi_version(void) { return QTK_ABI_VERSION; }
const char* qtk_version(void) { return QTK_VERSION; }
const char* qtk_last_error(void) { return last_error; }

const char* qtk_status_name(qtk_status status) {
  switch (status) {
    case QTK_OK:
      return "ok";
    case QTK_WARMING_UP:
      return "warming up";
    case QTK_NOT_FINITE:
      return "not finite";
    case QTK_WRONG_SIZE:
      return "wrong size";
    case QTK_WRONG_INSTRUMENT:
      return "wrong instrument";
    case QTK_INVALID:
      return "invalid argument";
    case QTK_FILE:
      return "file refused by the system";
    case QTK_FORMAT:
      return "not a valid model file";
    case QTK_UNSUPPORTED:
      return "unsupported";
    case QTK_NO_MEMORY:
      return "out of memory";
    case QTK_INTERNAL:
      return "internal error";
    default:
      return "unknown status";
  }
}

qtk_status qtk_model_load(const char* path, qtk_model** model) {
  if (model != nullptr) *model = nullptr;
  if (path == nullptr || model == nullptr) return failed(QTK_INVALID, "[qtk_model_load] a null pointer");
  return guarded([&] { *model = new qtk_model(path); });
}

void qtk_model_free(qtk_model* model) { delete model; }

int64_t qtk_model_columns(const qtk_model* model) {
  return model == nullptr ? 0 : model->session->plan().width(model->program.inputs[0].value);
}
int64_t qtk_model_outputs(const qtk_model* model) {
  return model == nullptr ? 0 : model->session->plan().width(model->session->plan().output());
}

const char* qtk_model_column_name(const qtk_model* model, int64_t column) {
  if (model == nullptr) return nullptr;
  const auto& names = model->program.inputs[0].columns;
  return column >= 0 && column < static_cast<int64_t>(names.size()) ? names[static_cast<size_t>(column)].c_str()
                                                                    : nullptr;
}

const char* qtk_model_metadata(const qtk_model* model, const char* key) {
  if (model == nullptr || key == nullptr) return nullptr;
  // A look-up by std::string could throw.
  for (const auto& [name, value] : model->program.metadata)
    if (name == key) return value.c_str();
  return nullptr;
}

qtk_status qtk_model_run(const qtk_model* model, const float* x, int64_t steps, int64_t batch, float* out,
                         int64_t out_size) {
  if (model == nullptr || x == nullptr || out == nullptr) return failed(QTK_INVALID, "[qtk_model_run] a null pointer");
  return guarded([&] {
    const bool sequence = model->program.input().sequence;
    const int64_t columns = qtk_model_columns(model);
    constexpr int64_t kMost = int64_t{1} << 40;
    QTK_CHECK(steps >= 1 && (sequence || steps == 1) && batch >= 0 && (batch == 0 || steps <= kMost / batch / columns),
              ShapeError, "[qtk_model_run] steps x batch, was {} x {}, expected {}", steps, batch,
              sequence ? "steps >= 1 and a size that fits memory" : "1 step: the model reads single rows");
    const int64_t results = (model->program.output().sequence ? steps : 1) * batch * qtk_model_outputs(model);
    QTK_CHECK(out_size == results, ShapeError, "[qtk_model_run] out_size, was {}, expected {}", out_size, results);
    if (results == 0) return;
    const Shape shape = sequence ? Shape{steps, batch, columns} : Shape{batch, columns};
    const Array input = Array::from(std::vector<float>(x, x + steps * batch * columns), shape);
    const Array y = model->session->run(input).contiguous();
    std::copy_n(y.data<float>(), results, out);
  });
}

qtk_status qtk_stream_open(const qtk_model* model, int64_t instruments, int64_t window, qtk_stream** stream) {
  if (stream != nullptr) *stream = nullptr;
  if (model == nullptr || stream == nullptr) return failed(QTK_INVALID, "[qtk_stream_open] a null pointer");
  return guarded([&] {
    std::shared_ptr<const Plan> plan(model->session, &model->session->plan());
    *stream = new qtk_stream{runtime::Stream(std::move(plan), {.instruments = instruments, .window = window})};
  });
}

void qtk_stream_close(qtk_stream* stream) { delete stream; }

qtk_status qtk_stream_step(qtk_stream* stream, int64_t instrument, const float* features, float* out,
                           qtk_where* where) {
  return step_one(stream, instrument, features, out, where, nullptr);
}

qtk_status qtk_stream_step_many(qtk_stream* stream, const int64_t* instruments, int64_t count, const float* features,
                                float* out, qtk_where* where) {
  return step_many(stream, instruments, count, features, out, where, nullptr);
}

qtk_status qtk_stream_absorb(qtk_stream* stream, int64_t instrument, int64_t count, const float* features,
                             qtk_where* where) {
  return absorb(stream, instrument, count, features, where, nullptr);
}

qtk_status qtk_stream_prepare(qtk_stream* stream, int64_t instrument) { return prepare(stream, instrument); }
qtk_status qtk_stream_reset(qtk_stream* stream, int64_t instrument) { return reset(stream, instrument); }
qtk_status qtk_stream_warm_up(qtk_stream* stream) { return warm_up(stream); }
qtk_status qtk_stream_keep_warm(qtk_stream* stream) { return keep_warm(stream); }

qtk_status qtk_slot_open(const char* path, int64_t instruments, int64_t window, int64_t history, qtk_slot** slot) {
  if (slot != nullptr) *slot = nullptr;
  if (path == nullptr || slot == nullptr) return failed(QTK_INVALID, "[qtk_slot_open] a null pointer");
  return guarded([&] {
    const runtime::ModelSlotOptions options{.stream = {.instruments = instruments, .window = window},
                                            .history = history};
    *slot = new qtk_slot{runtime::ModelSlot(runtime::load(path), options)};
  });
}

void qtk_slot_close(qtk_slot* slot) { delete slot; }

qtk_status qtk_slot_step(qtk_slot* slot, int64_t instrument, const float* features, float* out, qtk_where* where,
                         uint64_t* number) {
  return step_one(slot, instrument, features, out, where, number);
}

qtk_status qtk_slot_step_many(qtk_slot* slot, const int64_t* instruments, int64_t count, const float* features,
                              float* out, qtk_where* where, uint64_t* number) {
  return step_many(slot, instruments, count, features, out, where, number);
}

qtk_status qtk_slot_absorb(qtk_slot* slot, int64_t instrument, int64_t count, const float* features, qtk_where* where,
                           uint64_t* number) {
  return absorb(slot, instrument, count, features, where, number);
}

qtk_status qtk_slot_prepare(qtk_slot* slot, int64_t instrument) { return prepare(slot, instrument); }
qtk_status qtk_slot_reset(qtk_slot* slot, int64_t instrument) { return reset(slot, instrument); }
qtk_status qtk_slot_warm_up(qtk_slot* slot) { return warm_up(slot); }
qtk_status qtk_slot_keep_warm(qtk_slot* slot) { return keep_warm(slot); }

qtk_status qtk_slot_offer(qtk_slot* slot, const char* path, uint64_t* number) {
  if (slot == nullptr || path == nullptr) return failed(QTK_INVALID, "[qtk_slot_offer] a null pointer");
  return guarded([&] {
    const uint64_t offered = slot->stream.offer_file(path);
    if (number != nullptr) *number = offered;
  });
}

int64_t qtk_slot_columns(const qtk_slot* slot) { return slot == nullptr ? 0 : slot->stream.columns(); }
int64_t qtk_slot_outputs(const qtk_slot* slot) { return slot == nullptr ? 0 : slot->stream.output_width(); }
uint64_t qtk_slot_running(const qtk_slot* slot) { return slot == nullptr ? 0 : slot->stream.running(); }
