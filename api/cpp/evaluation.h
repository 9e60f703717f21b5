#pragma once

#include "evaluation/evaluate.h"
#include "evaluation/network_runner.h"
#include "include/eigenbit/evaluation.hpp"

namespace eigenbit {
inline namespace v1 {

internal::NetworkRunner::Mode mode_of(Arithmetic arithmetic);
Evaluation evaluation_of(const internal::Evaluation& evaluation);

}  // namespace v1
}  // namespace eigenbit
