#pragma once

// All of Eigenbit's C++ interface that is installed: session.hpp runs packed networks (libeigenbit); the others build,
// train and compress networks (libeigenbit-train).

#include "error.hpp"
#include "session.hpp"

#if __has_include("model.hpp")
#include "arrays.hpp"
#include "benchmark.hpp"
#include "compression.hpp"
#include "dataset.hpp"
#include "evaluation.hpp"
#include "files.hpp"
#include "inspection.hpp"
#include "model.hpp"
#include "network_builder.hpp"
#include "prediction.hpp"
#include "statistics.hpp"
#include "trainer.hpp"
#include "training.hpp"
#include "warnings.hpp"
#endif
