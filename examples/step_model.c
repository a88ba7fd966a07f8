/* Loads a quantized model and steps it tick by tick, in C. Run: step_model MODEL [STEPS]
 * Build elsewhere: cc step_model.c -lquantick -lm */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "quantick/bindings/quantick.h"

static int complain(const char* what, qtk_status status) {
  fprintf(stderr, "%s: %s: %s\n", what, qtk_status_name(status), qtk_last_error());
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s MODEL [STEPS]\n", argv[0]);
    return 2;
  }
  if (qtk_abi_version() != QTK_ABI_VERSION) {
    fprintf(stderr, "libquantick has interface %d, this program wants %d\n", (int)qtk_abi_version(), QTK_ABI_VERSION);
    return 1;
  }
  qtk_model* model = NULL;
  qtk_status status = qtk_model_load(argv[1], &model);
  if (status != QTK_OK) return complain("load", status);

  /* Two instruments, each with a state of its own, over one set of weights. */
  qtk_stream* stream = NULL;
  status = qtk_stream_open(model, 2, 0, &stream);
  if (status != QTK_OK) return complain("open", status);
  qtk_stream_warm_up(stream);

  const int64_t columns = qtk_model_columns(model), outputs = qtk_model_outputs(model);
  float* features = malloc(sizeof(float) * (size_t)columns);
  float* out = malloc(sizeof(float) * (size_t)outputs);
  if (features == NULL || out == NULL) return 1;
  const int steps = argc > 2 ? atoi(argv[2]) : 5;
  for (int t = 0; t < steps; ++t)
    for (int64_t instrument = 0; instrument < 2; ++instrument) {
      for (int64_t c = 0; c < columns; ++c) features[c] = sinf(0.1f * (float)t * (float)(instrument + 1) + (float)c);
      qtk_where where;
      status = qtk_stream_step(stream, instrument, features, out, &where);
      if (status >= QTK_WRONG_SIZE) return complain("step", status);
      if (status != QTK_OK) printf("(%s, feature %d) ", qtk_status_name(status), (int)where.column);
      printf("step %d instrument %d: %.9g\n", t, (int)instrument, out[0]);
      qtk_stream_prepare(stream, instrument); /* the quiet time until the next tick is well spent */
    }

  free(features);
  free(out);
  qtk_stream_close(stream);
  qtk_model_free(model);
  return 0;
}
