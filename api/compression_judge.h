#pragma once

#include "engine/graph/model.h"
#include "evaluation/evaluate.h"

#include <optional>
#include <string>

namespace eigenbit::internal {

/// Measures compressed networks, and the float network they come from, on validation data where there are any.
class CompressionJudge {
  public:
    /// Of the model's own size and classes; none: nothing is measured.
    CompressionJudge(const Model& model, std::optional<Dataset> validation);

    bool present() const { return dataset_.has_value(); }
    const Evaluation& float_quality() const { return *float_quality_; }
    /// What makes it doubtful that the float network is judged by what it was made for: it classifies no better than
    /// guessing would.
    std::optional<std::string> doubt() const;
    std::optional<Evaluation> operator()(const Graph& graph) const;
    /// Points of top-1 accuracy, or dB, lost against the float network.
    double drop(const Evaluation& quality) const;

  private:
    std::optional<Dataset> dataset_;
    std::optional<Evaluation> float_quality_;
    std::int64_t classes_ = 0;
};

}  // namespace eigenbit::internal
