#include "api/compression_judge.h"

#include "datasets/classes.h"
#include "evaluation/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace eigenbit::internal {

CompressionJudge::CompressionJudge(const Model& model, std::optional<Dataset> validation)
    : dataset_(std::move(validation)) {
    if (!dataset_) return;
    float_quality_ = (*this)(model.graph);
    classes_ = std::max<std::int64_t>(dataset_->class_count, score_count(model.graph, dataset_->preprocessing));
}

std::optional<std::string> CompressionJudge::doubt() const {
    if (!dataset_ || !float_quality_->classification || classes_ < 2) return std::nullopt;
    constexpr double kRare = 0.05;
    const double top1 = float_quality_->classification->top1;
    const std::int64_t images = float_quality_->images;
    const auto hits = static_cast<std::int64_t>(std::llround(top1 * static_cast<double>(images)));
    if (hits == images || chance_of_hits(hits, images, 1.0 / static_cast<double>(classes_)) < kRare)
        return std::nullopt;
    return fmt::format("The float network's top-1 is {:.1f} % on {} images of {} classes, no better than chance: are "
                       "preparation and the order of classes right?",
                       100.0 * top1, images, classes_);
}

std::optional<Evaluation> CompressionJudge::operator()(const Graph& graph) const {
    if (!dataset_) return std::nullopt;
    return evaluate(graph, *dataset_);
}

double CompressionJudge::drop(const Evaluation& quality) const { return float_quality_->points() - quality.points(); }

}  // namespace eigenbit::internal
