#include "bench/training_step.h"

#include "engine/base/random.h"
#include "train/loss.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr double kLearningRate = 0.01;

}  // namespace

TrainingStep::TrainingStep(Graph& graph, std::int64_t batch, std::int64_t classes)
    : images_(input_shape(graph, batch)), network_(graph, {.weight_decay = 1e-4}, {}, kLearningRate) {
    Random random({1});
    std::ranges::generate(images_.values(), [&] { return static_cast<float>(random.normal()); });
    for (std::int64_t i = 0; i < batch; ++i) labels_.push_back(static_cast<int>(random.below(classes)));
    session_.emplace(graph, images_.shape(),
                     GraphExecutor::Options{.training = true, .gradients = network_.gradients(), .seed = 1});
    gradient_ = Tensor(session_->output().shape);
}

void TrainingStep::run() {
    const ConstView output = session_->run(images_);
    softmax_cross_entropy(output, labels_, 0.0, gradient_);
    session_->backward(gradient_);
    network_.step(*session_, step_++, kLearningRate);
}

}  // namespace eigenbit::internal
