#ifndef QUANTICK_H
#define QUANTICK_H
/* The C interface: load a quantized model, score windows, step it tick by tick. For C, and for every language that
 * calls C. Opaque handles, status codes, no exceptions; text of the last error by thread. docs/live.md tells the story,
 * examples/step_model.c uses it.
 *
 * Threads: a model is immutable and shared by any number of threads; a stream belongs to one thread at a time. A model
 * may be freed while streams of it live on.
 *
 * The calls marked "tick" allocate nothing, take no lock and call no system function; they set no error text, since
 * their status says all there is to say.
 *
 * Version: the shared library's major number (libquantick.so.1) is QTK_ABI_VERSION. Functions are only ever added;
 * what changes the meaning of one raises the number. */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QTK_ABI_VERSION 1

/* Statuses below 100 leave the stream stepped; the others leave things as they were. */
typedef int32_t qtk_status;
enum {
  QTK_OK = 0,
  QTK_WARMING_UP = 1, /* rolling window not full yet: the outputs of that instrument are NaN */
  QTK_NOT_FINITE = 2, /* NaN or infinity where the model rejects it: that instrument starts anew, its outputs are NaN */
  QTK_WRONG_SIZE = 100,       /* a length is not rows x columns */
  QTK_WRONG_INSTRUMENT = 101, /* an index outside the stream, or the same one twice in a call */
  QTK_INVALID = 102,          /* a null pointer or another value out of range */
  QTK_FILE = 103,             /* the operating system refused the file */
  QTK_FORMAT = 104,           /* not a model, truncated, altered, or of another version */
  QTK_UNSUPPORTED = 105,      /* this version or machine does not have it */
  QTK_NO_MEMORY = 106,
  QTK_INTERNAL = 107 /* a mistake of the library */
};

typedef struct qtk_model qtk_model;
typedef struct qtk_stream qtk_stream;

/* Of the library that runs; compare with QTK_ABI_VERSION. */
int32_t qtk_abi_version(void);
/* "0.1.0". */
const char* qtk_version(void);
/* "ok", "warming up", ...; "unknown status" for others. */
const char* qtk_status_name(qtk_status status);
/* What the last failed call of this thread that is not a tick call said; "" before the first. Valid until the next. */
const char* qtk_last_error(void);

/* Reads and checks a model file, and packs its weights for this processor. *model is null where it fails. */
qtk_status qtk_model_load(const char* path, qtk_model** model);
void qtk_model_free(qtk_model* model); /* null is allowed */

/* Features of one row, and results of one row; 0 for null. */
int64_t qtk_model_columns(const qtk_model* model);
int64_t qtk_model_outputs(const qtk_model* model);
/* Name of a feature; null where the model has no names, for an index outside, and for null. Lives as long as the
 * model. */
const char* qtk_model_column_name(const qtk_model* model, int64_t column);
/* What the model's maker wrote under this key (for instance "label"), or null. Lives as long as the model. */
const char* qtk_model_metadata(const qtk_model* model, const char* key);

/* Scores `batch` windows: x [steps, batch, columns], time first, or [batch, columns] with steps = 1 for a model of
 * single rows. out receives [batch, outputs], or [steps, batch, outputs] where the model gives a result per step;
 * out_size, in floats, must be exactly that. Runs on the library's threads. */
qtk_status qtk_model_run(const qtk_model* model, const float* x, int64_t steps, int64_t batch, float* out,
                         int64_t out_size);

/* A stream for `instruments` independent instruments over one set of weights. window 0: each carries its state from the
 * start on; else each step gives what qtk_model_run gives for the last `window` rows. *stream is null where it
 * fails. */
qtk_status qtk_stream_open(const qtk_model* model, int64_t instruments, int64_t window, qtk_stream** stream);
void qtk_stream_close(qtk_stream* stream); /* null is allowed */

/* Where a tick call found something to say: -1 where it does not apply. */
typedef struct {
  int64_t instrument;
  int64_t column;
} qtk_where;

/* tick: one instrument; features [columns], out [outputs]. `where` may be null. */
qtk_status qtk_stream_step(qtk_stream* stream, int64_t instrument, const float* features, float* out, qtk_where* where);
/* tick: `count` different instruments that tick together; features [count, columns], out [count, outputs]. */
qtk_status qtk_stream_step_many(qtk_stream* stream, const int64_t* instruments, int64_t count, const float* features,
                                float* out, qtk_where* where);
/* tick: past steps of one instrument, oldest first, whose outputs nobody wants: features [count, columns]. Leaves what
 * `count` steps would leave; the status is that of the last one. */
qtk_status qtk_stream_absorb(qtk_stream* stream, int64_t instrument, int64_t count, const float* features,
                             qtk_where* where);
/* tick: does ahead of an instrument's next step what does not depend on its features. -1: all instruments. */
qtk_status qtk_stream_prepare(qtk_stream* stream, int64_t instrument);
/* tick: forgets what an instrument has seen. -1: all instruments. */
qtk_status qtk_stream_reset(qtk_stream* stream, int64_t instrument);
/* tick: brings weights and code into the caches without changing any instrument; once after opening, and the short form
 * in the pauses between ticks. */
qtk_status qtk_stream_warm_up(qtk_stream* stream);
qtk_status qtk_stream_keep_warm(qtk_stream* stream);

/* A stream whose model another thread can exchange while it ticks (docs/live.md, "A new model while the old one
 * trades"). One thread ticks; qtk_slot_offer and qtk_slot_running may be called by any others. `history`: rows of
 * features kept per instrument, from which a model with other states learns the past; 0: such a model is refused. */
typedef struct qtk_slot qtk_slot;
qtk_status qtk_slot_open(const char* path, int64_t instruments, int64_t window, int64_t history, qtk_slot** slot);
void qtk_slot_close(qtk_slot* slot); /* null is allowed */
/* Features and results of one row, whichever model runs; 0 for null. */
int64_t qtk_slot_columns(const qtk_slot* slot);
int64_t qtk_slot_outputs(const qtk_slot* slot);
/* tick: as those of a stream. *number, where not null, says which model made the outputs: 1 for the first, 2 for the
 * first that was offered, ... */
qtk_status qtk_slot_step(qtk_slot* slot, int64_t instrument, const float* features, float* out, qtk_where* where,
                         uint64_t* number);
qtk_status qtk_slot_step_many(qtk_slot* slot, const int64_t* instruments, int64_t count, const float* features,
                              float* out, qtk_where* where, uint64_t* number);
qtk_status qtk_slot_absorb(qtk_slot* slot, int64_t instrument, int64_t count, const float* features, qtk_where* where,
                           uint64_t* number);
qtk_status qtk_slot_prepare(qtk_slot* slot, int64_t instrument);
qtk_status qtk_slot_reset(qtk_slot* slot, int64_t instrument);
qtk_status qtk_slot_warm_up(qtk_slot* slot);
qtk_status qtk_slot_keep_warm(qtk_slot* slot);
/* Checks the file, packs it, warms it up, and leaves it to be taken by the next tick call; *number is the new model's.
 * Where it fails, the running model goes on. */
qtk_status qtk_slot_offer(qtk_slot* slot, const char* path, uint64_t* number);
/* The model that made the last outputs, or makes the next ones; 0 for null. */
uint64_t qtk_slot_running(const qtk_slot* slot);

#ifdef __cplusplus
}
#endif
#endif
