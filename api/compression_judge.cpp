#include "api/compression_judge.h"

#include "datasets/data_spec.h"

#include <algorithm>

namespace eigenbit::internal {

CompressionJudge::CompressionJudge(const Model& model, const std::string& validation, std::int64_t limit) {
    if (validation.empty()) return;
    dataset_ = open_dataset(validation, DataSplit::test, model);
    if (limit > 0) dataset_->size = std::min(dataset_->size, limit);
    float_quality_ = (*this)(model.graph);
}

std::optional<Evaluation> CompressionJudge::operator()(const Graph& graph) const {
    if (!dataset_) return std::nullopt;
    return evaluate(graph, *dataset_);
}

double CompressionJudge::drop(const Evaluation& quality) const { return float_quality_->points() - quality.points(); }

}  // namespace eigenbit::internal
