#include "include/eigenbit/trainer.hpp"

#include "api/cpp/state.h"
#include "api/retraining.h"
#include "datasets/loader.h"
#include "engine/executor/graph_executor.h"
#include "engine/passes/expand_products.h"
#include "train/quantization_aware_optimizer.h"

#include <algorithm>
#include <utility>

namespace eigenbit {
inline namespace v1 {

struct Batches::State {
    internal::BatchLoader loader;
};

Batches::Batches(const Dataset& data, const Model& model, const BatchOptions& options) {
    translated([&] {
        state_.reset(new State{
            internal::BatchLoader(data.state().labelled_for(model.state().model), {.batch_size = options.batch,
                                                                                   .seed = options.seed,
                                                                                   .shuffle = options.shuffle,
                                                                                   .augment = options.augment,
                                                                                   .drop_incomplete = true})});
        state_->loader.start(1);
    });
}
Batches::Batches(Batches&& other) noexcept = default;
Batches& Batches::operator=(Batches&& other) noexcept = default;
Batches::~Batches() = default;

std::int64_t Batches::count() const { return state_->loader.batches(); }

void Batches::start(int epoch) {
    translated([&] { state_->loader.start(epoch); });
}

std::optional<Batch> Batches::next() {
    return translated([&]() -> std::optional<Batch> {
        const internal::Batch* const batch = state_->loader.next();
        if (batch == nullptr) return std::nullopt;
        Batch result{.images = array_of(batch->images, "images"), .labels = batch->labels};
        if (!batch->targets.empty()) result.targets = array_of(batch->targets, "targets");
        return result;
    });
}

struct Trainer::State {
    State(const Model::State& of, const TrainerOptions& options)
        : network(of),
          frozen(internal::parameters_of_layers(network.model.graph, options.frozen)),
          expanded(expand_products(network.model.graph)),
          seed(options.seed),
          optimizer(network.model.graph, {options.momentum, options.nesterov, options.weight_decay},
                    {options.level_rate, options.step_rate, of.file_storage() == internal::LevelStorage::entropy},
                    options.learning_rate, frozen) {}

    internal::Graph& graph() { return network.model.graph; }
    /// After forward.
    internal::GraphExecutor& running() {
        if (!session) internal::fail("There was no forward yet.");
        return *session;
    }
    internal::ValueId trained(const std::string& parameter) const {
        const internal::ValueId id = network.model.graph.find_parameter(parameter);
        if (std::ranges::find(optimizer.gradients(), id) == optimizer.gradients().end()) {
            internal::fail("Parameter '{}' is not trained.", parameter);
        }
        return id;
    }

    Model::State network;
    std::vector<internal::ValueId> frozen;
    std::vector<internal::ExpandedLayer> expanded;
    std::uint64_t seed;
    internal::QuantizationAwareOptimizer optimizer;
    internal::Tensor batch{};
    std::optional<internal::GraphExecutor> session{};
    std::int64_t steps = 0;
    bool has_gradients = false;
};

Trainer::Trainer(const Model& model, const TrainerOptions& options) {
    translated([&] {
        if (!(options.learning_rate > 0.0)) {
            internal::fail("The highest learning rate is {}, expected one above 0.", options.learning_rate);
        }
        state_ = std::make_unique<State>(model.state(), options);
    });
}
Trainer::Trainer(Trainer&& other) noexcept = default;
Trainer& Trainer::operator=(Trainer&& other) noexcept = default;
Trainer::~Trainer() = default;

Array Trainer::forward(const Array& batch) {
    return translated([&] {
        State& own = *state_;
        own.batch = tensor_of(batch);
        own.has_gradients = false;
        if (!own.session || own.session->value(own.graph().inputs().front().value).shape != own.batch.shape()) {
            own.session.emplace(own.graph(), own.batch.shape(),
                                internal::GraphExecutor::Options{.training = true,
                                                                 .gradients = own.optimizer.gradients(),
                                                                 .seed = own.seed,
                                                                 .forwards = static_cast<std::uint64_t>(own.steps)});
        }
        return array_of(own.session->run(own.batch), own.graph().name(own.graph().outputs().front()));
    });
}

void Trainer::backward(std::span<const float> output_gradient) {
    translated([&] {
        internal::GraphExecutor& session = state_->running();
        const internal::Shape& shape = session.output().shape;
        if (std::ssize(output_gradient) != shape.elements()) {
            internal::fail("There are gradients of {} elements, the output has shape {}.", output_gradient.size(),
                           to_string(shape));
        }
        session.backward(internal::ConstView{shape, output_gradient.data()});
        state_->has_gradients = true;
    });
}

void Trainer::step(double learning_rate) {
    translated([&] {
        State& own = *state_;
        if (!own.has_gradients) internal::fail("There are no gradients to step along: backward goes before.");
        own.optimizer.step(own.running(), own.steps++, learning_rate);
    });
}

std::vector<std::string> Trainer::parameters() const {
    std::vector<std::string> names;
    for (const internal::ValueId id : state_->optimizer.gradients()) {
        names.push_back(state_->network.model.graph.name(id));
    }
    return names;
}

std::span<float> Trainer::values(const std::string& parameter) {
    return translated([&] {
        internal::Weight& weight = state_->graph().parameter(state_->graph().find_parameter(parameter));
        if (!weight.is_float()) internal::fail("Parameter '{}' is quantized.", parameter);
        return weight.values().values();
    });
}

Array Trainer::gradient(const std::string& parameter) const {
    return translated([&] {
        if (!state_->has_gradients) internal::fail("There are no gradients: backward goes before.");
        return array_of(state_->session->gradient(state_->trained(parameter)), parameter);
    });
}

Model Trainer::model() const {
    return translated([&] {
        Model::State copy = state_->network;
        collapse_products(copy.model.graph, state_->expanded);
        internal::update_rate_note(copy.model, copy.file_storage());
        return Model(std::make_unique<Model::State>(std::move(copy)));
    });
}

}  // namespace v1
}  // namespace eigenbit
