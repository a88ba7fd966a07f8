#pragma once
// All blocks.
#include "quantick/nn/activation.h"
#include "quantick/nn/block.h"
#include "quantick/nn/dense.h"
#include "quantick/nn/dropout.h"
#include "quantick/nn/initializer.h"
#include "quantick/nn/layer_norm.h"
#include "quantick/nn/lstm.h"
#include "quantick/nn/parameter.h"
#include "quantick/nn/sequential.h"
#include "quantick/nn/shaping.h"
