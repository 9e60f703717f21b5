#pragma once

#include "evaluation/evaluate.h"
#include "include/eigenbit/evaluation.hpp"

namespace eigenbit {
inline namespace v1 {

Evaluation evaluation_of(const internal::Evaluation& evaluation);

}  // namespace v1
}  // namespace eigenbit
