#include "api/compression_judge.h"

#include "datasets/data_spec.h"
#include "engine/passes/fold_batch_normalization.h"

#include <algorithm>

namespace eigenbit::internal {

CompressionJudge::CompressionJudge(const Model& model, const std::string& validation, std::int64_t limit) {
    if (validation.empty()) return;
    dataset_ = open_dataset(validation, DataSplit::test, model.preprocessing ? &*model.preprocessing : nullptr);
    if (limit > 0) dataset_->size = std::min(dataset_->size, limit);
    float_quality_ = (*this)(model.graph);
}

std::optional<Evaluation> CompressionJudge::operator()(Graph graph) const {
    if (!dataset_) return std::nullopt;
    fold_batch_normalization(graph);
    return evaluate(graph, *dataset_);
}

double CompressionJudge::drop(const Evaluation& quality) const {
    const double scale = quality.classification ? 100.0 : 1.0;
    return scale * (float_quality_->score() - quality.score());
}

}  // namespace eigenbit::internal
