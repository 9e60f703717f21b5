#include "engine/executor/graph_executor.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/base/subnormals.h"

#include <tbb/parallel_for_each.h>

#include <algorithm>
#include <numeric>

namespace eigenbit::internal {
namespace {

std::size_t at(ValueId value) { return static_cast<std::size_t>(value); }

template <typename Element>
std::vector<BasicView<Element>> views(std::span<const ValueId> ids, const std::vector<BasicView<Element>>& all) {
    std::vector<BasicView<Element>> result;
    result.reserve(ids.size());
    for (const ValueId id : ids) result.push_back(all[at(id)]);
    return result;
}

void set_to_zero(View view) {
    for_each_chunk(view.elements(), 1, [view](std::int64_t begin, std::int64_t end) {
        std::fill(view.data + begin, view.data + end, 0.0F);
    });
}

}  // namespace

GraphExecutor::GraphExecutor(const Graph& graph, std::span<const Shape> inputs, Options options)
    : graph_(&graph),
      options_(std::move(options)),
      step_(options_.forwards),
      values_(graph.value_count()),
      produced_(graph.value_count()),
      rounded_(graph.value_count()),
      unrounded_(graph.value_count()),
      gradients_(graph.value_count()),
      needs_gradient_(graph.value_count()),
      has_gradient_(graph.value_count()),
      place_(graph.nodes().size()),
      saved_(graph.nodes().size()),
      workspaces_(graph.nodes().size()),
      caches_(graph.nodes().size()) {
    const std::vector<Shape> shapes = infer_shapes(graph, inputs);
    for (std::size_t value = 0; value < shapes.size(); ++value) values_[value].shape = shapes[value];
    for (const auto& [value, parameter] : graph.parameters()) {
        if (parameter.is_float()) {
            bind(value, parameter.values());
        } else {
            bind(value, images_.emplace(value, Tensor(parameter.shape())).first->second);
        }
    }
    make_images();
    mark_gradients();
    find_chains(shapes);
    plan_arena(shapes);
}

void GraphExecutor::make_images() {
    for (const auto& [value, tensor] : images_) {
        const Product* const product = graph_->parameter(value).product();
        if (product
            && std::ranges::any_of(product->bases, [](const Basis& basis) { return basis.inner.has_value(); })) {
            fail("'{}' is a product that runs as two layers: the graph must be expanded.", graph_->name(value));
        }
    }

    tbb::parallel_for_each(images_, [&](auto& entry) {
        const Tensor values = image(graph_->parameter(entry.first));
        std::ranges::copy(values.values(), entry.second.data());
    });
}

void GraphExecutor::find_chains(std::span<const Shape> shapes) {
    std::iota(place_.begin(), place_.end(), std::size_t{0});
    if (!options_.training || options_.gradients.empty() || options_.keep_values || options_.rerun_from) return;
    chains_ = normalization_chains(*graph_, shapes, options_.gradients);
    for (const auto& [last, chain] : chains_) {
        place_[chain.normalization] = last;
        if (chain.addition) place_[*chain.addition] = last;
    }
}

void GraphExecutor::mark_gradients() {
    for (const ValueId value : options_.gradients) needs_gradient_[at(value)] = true;
    for (const Node& node : graph_->nodes()) {
        const bool needed = std::ranges::any_of(node.inputs, [&](ValueId input) { return needs_gradient_[at(input)]; });
        for (const ValueId output : node.outputs) needs_gradient_[at(output)] = needed || needs_gradient_[at(output)];
    }
}

std::vector<bool> GraphExecutor::dependents(std::size_t node) const {
    const std::vector<Node>& nodes = graph_->nodes();
    std::vector<bool> result(nodes.size());
    std::vector<bool> changed(values_.size());
    for (std::size_t i = node; i < nodes.size(); ++i) {
        result[i] =
            i == node || std::ranges::any_of(nodes[i].inputs, [&](ValueId input) { return changed[at(input)]; });
        for (const ValueId output : nodes[i].outputs) changed[at(output)] = result[i];
    }
    return result;
}

// What forward_from(rerun_from) reads, or leaves as an output, without computing it.
std::vector<bool> GraphExecutor::kept_for_reruns() const {
    std::vector<bool> kept(values_.size());
    if (!options_.rerun_from) return kept;
    const std::vector<bool> depends = dependents(*options_.rerun_from);
    for (const ValueId output : graph_->outputs()) kept[at(output)] = true;
    for (std::size_t i = 0; i < depends.size(); ++i) {
        if (!depends[i]) continue;
        for (const ValueId input : graph_->nodes()[i].inputs) kept[at(input)] = true;
    }
    for (std::size_t i = 0; i < depends.size(); ++i) {
        if (!depends[i]) continue;
        for (const ValueId output : graph_->nodes()[i].outputs) kept[at(output)] = false;
    }
    return kept;
}

// One timeline for both directions: node i runs forward at step i and backward at step 2n − 1 − i.
void GraphExecutor::plan_arena(std::span<const Shape> shapes) {
    const std::vector<Node>& nodes = graph_->nodes();
    const bool backward = !options_.gradients.empty();
    const std::size_t end = 2 * nodes.size();
    const bool keep_all = backward || options_.keep_values;
    const std::vector<bool> kept = kept_for_reruns();
    const auto backward_step = [&](std::size_t node) { return end - 1 - node; };

    std::vector<Lifetime> lifetimes;
    std::vector<View*> owners;
    const auto place = [&](View& view, const Shape& shape, std::size_t first, std::size_t last) {
        view.shape = shape;
        lifetimes.push_back({shape.elements(), first, last});
        owners.push_back(&view);
    };

    std::vector<std::size_t> last_reader(shapes.size(), 0);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        for (const ValueId input : nodes[i].inputs)
            last_reader[at(input)] = std::max(last_reader[at(input)], place_[i]);
    }
    for (const ValueId output : graph_->outputs()) last_reader[at(output)] = end;
    std::vector<bool> lasting_gradient(shapes.size());
    for (const ValueId value : options_.gradients) lasting_gradient[at(value)] = true;

    for (const Graph::Input& input : graph_->inputs()) {
        const ValueId value = input.value;
        if (!graph_->activations().contains(value)) continue;
        place(rounded_[at(value)], shapes[at(value)], 0, keep_all || kept[at(value)] ? end : last_reader[at(value)]);
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        for (const ValueId output : nodes[i].outputs) {
            if (place_[i] != i) continue;  // the chain does without it
            const std::size_t last = std::max(i, last_reader[at(output)]);
            // Alive from the first node that runs again, so that none of them overwrites it.
            const std::size_t born = kept[at(output)] ? std::min(i, *options_.rerun_from) : i;
            const std::size_t died = keep_all || kept[at(output)] ? end : last;
            // Gradients of the node need what it has computed, not what became of it.
            const bool rounds_apart = backward && graph_->activations().contains(output);
            if (rounds_apart) place(rounded_[at(output)], shapes[at(output)], born, died);
            place(produced_[at(output)], shapes[at(output)], born, died);
            if (!needs_gradient_[at(output)] || lasting_gradient[at(output)]) continue;
            const std::size_t first = std::min(last, nodes.size() - 1);
            place(gradients_[at(output)], shapes[at(output)], backward_step(first), backward_step(i));
        }
        std::vector<Shape> inputs;
        for (const ValueId input : nodes[i].inputs) inputs.push_back(shapes[at(input)]);
        if (options_.training) place(saved_[i], saved_shape(nodes[i].op, inputs), i, end);
        if (!backward) continue;
        const Shape workspace{backward_workspace(nodes[i].op, inputs)};
        place(workspaces_[i], workspace, backward_step(i), backward_step(i));
    }
    for (const ValueId value : options_.gradients) place(gradients_[at(value)], shapes[at(value)], nodes.size(), end);

    const MemoryPlan plan = plan_memory(lifetimes);
    arena_ = Tensor(Shape{plan.elements});
    for (std::size_t i = 0; i < owners.size(); ++i) owners[i]->data = arena_.data() + plan.offsets[i];
    for (std::size_t value = 0; value < shapes.size(); ++value) {
        if (produced_[value].data != nullptr) values_[value] = produced_[value];
    }
    for (const auto& [value, quantizer] : graph_->activations()) {
        unrounded_[at(value)] = values_[at(value)];
        if (rounded_[at(value)].data == nullptr) rounded_[at(value)] = produced_[at(value)];
        values_[at(value)] = rounded_[at(value)];
    }
}

void GraphExecutor::bind(ValueId value, ConstView source) {
    const bool is_rounded_input = rounded_[at(value)].data != nullptr && produced_[at(value)].data == nullptr;
    ConstView& bound = is_rounded_input ? unrounded_[at(value)] : values_[at(value)];
    if (!(bound.shape == source.shape)) {
        fail("'{}' has shape {}, expected {}.", graph_->name(value), to_string(source.shape), to_string(bound.shape));
    }
    bound.data = source.data;
    for (std::size_t i = 0; i < caches_.size(); ++i) {
        const Node& node = graph_->nodes()[i];
        if (std::ranges::find(node.inputs, value) != node.inputs.end()) caches_[i].current = false;
    }
}

void GraphExecutor::forward() {
    for (const Graph::Input& input : graph_->inputs()) {
        const bool rounded = rounded_[at(input.value)].data != nullptr;
        const ConstView given = rounded ? unrounded_[at(input.value)] : values_[at(input.value)];
        if (given.data == nullptr) fail("Input '{}' was not given.", graph_->name(input.value));
    }
    if (options_.training) make_images();
    ++step_;
    forward(0, graph_->nodes().size());
}

void GraphExecutor::forward(std::size_t begin, std::size_t end) {
    flush_subnormals_in([&] {
        for (std::size_t i = begin; i < end; ++i) run_node(i);
    });
}

void GraphExecutor::forward_from(std::size_t node) {
    const std::vector<bool> depends = dependents(node);
    flush_subnormals_in([&] {
        for (std::size_t i = node; i < depends.size(); ++i) {
            if (depends[i]) run_node(i);
        }
    });
}

ConstView GraphExecutor::run(ConstView input) {
    if (graph_->inputs().size() != 1) fail("The network has {} inputs, one was given.", graph_->inputs().size());
    bind(graph_->inputs().front().value, input);
    forward();
    return output();
}

void GraphExecutor::round(ValueId value) {
    if (rounded_[at(value)].data == nullptr) return;
    fake_quantize(graph_->activations().at(value), unrounded_[at(value)], rounded_[at(value)]);
}

NormalizationTail GraphExecutor::tail_of(const TrainingFusion& chain) const {
    NormalizationTail tail;
    if (chain.addition) tail.residual = values_[at(chain.residual)].data;
    if (chain.activation) tail.activation = &std::get<Activation>(graph_->nodes()[*chain.activation].op);
    return tail;
}

void GraphExecutor::run_node(std::size_t index) {
    if (index == 0) {
        for (const Graph::Input& input : graph_->inputs()) round(input.value);
    }
    if (place_[index] != index) return;
    const auto chain = chains_.find(index);
    const std::size_t first = chain == chains_.end() ? index : chain->second.normalization;
    const Node& node = graph_->nodes()[first];
    const std::vector<ValueId>& output_ids = graph_->nodes()[index].outputs;
    const std::vector<ConstView> inputs = views<const float>(node.inputs, values_);
    const std::vector<View> outputs = views<float>(output_ids, produced_);
    const auto is_computed = [&](InputRole role) {
        const std::optional<ValueId> input = input_of(node, role);
        return input && !graph_->is_parameter(*input);
    };
    const bool weights_change = is_computed(InputRole::weight) || is_computed(InputRole::gain);
    if (weights_change || !options_.gradients.empty()) caches_[index].current = false;
    const std::uint64_t seed = (options_.seed * 0x9E3779B97F4A7C15U + step_) * 0x9E3779B97F4A7C15U + index;
    const ForwardArguments arguments{.inputs = inputs,
                                     .outputs = outputs,
                                     .saved = saved_[first],
                                     .training = options_.training,
                                     .seed = seed,
                                     .cache = &caches_[index]};
    if (chain == chains_.end()) {
        eigenbit::internal::forward(node.op, arguments);
    } else {
        eigenbit::internal::forward(std::get<BatchNormalization>(node.op), arguments, tail_of(chain->second));
    }
    for (const ValueId output : output_ids) round(output);
}

void GraphExecutor::backward(ConstView output_gradient) {
    const std::size_t output = at(graph_->outputs().front());
    if (!(output_gradient.shape == values_[output].shape)) {
        fail("The output's gradient has shape {}, expected {}.", to_string(output_gradient.shape),
             to_string(values_[output].shape));
    }
    has_gradient_.assign(has_gradient_.size(), false);
    if (needs_gradient_[output]) {
        std::ranges::copy(output_gradient.values(), gradients_[output].data);
        has_gradient_[output] = true;
        flush_subnormals_in([&] {
            for (std::size_t i = graph_->nodes().size(); i-- > 0;) run_node_backward(i);
        });
    }
    for (const ValueId value : options_.gradients) {
        if (!has_gradient_[at(value)]) set_to_zero(gradients_[at(value)]);
    }
}

void GraphExecutor::run_node_backward(std::size_t index) {
    if (place_[index] != index) return;
    const auto chain = chains_.find(index);
    const std::size_t first = chain == chains_.end() ? index : chain->second.normalization;
    const Node& node = graph_->nodes()[first];
    const std::vector<ValueId>& output_ids = graph_->nodes()[index].outputs;
    const auto needed = [&](ValueId value) { return needs_gradient_[at(value)]; };
    const bool through_residual = chain != chains_.end() && chain->second.addition && needed(chain->second.residual);
    const bool wanted = through_residual || std::ranges::any_of(node.inputs, needed);
    const bool reached = std::ranges::any_of(output_ids, [&](ValueId output) { return has_gradient_[at(output)]; });
    if (!reached || !wanted) return;

    for (const ValueId output : output_ids) {
        if (!has_gradient_[at(output)]) set_to_zero(gradients_[at(output)]);
    }
    const std::vector<ConstView> inputs = views<const float>(node.inputs, values_);
    std::vector<ConstView> outputs = views<const float>(output_ids, values_);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (rounded_[at(output_ids[i])].data != nullptr) outputs[i] = unrounded_[at(output_ids[i])];
    }
    const std::vector<View> output_views = views<float>(output_ids, gradients_);
    const std::vector<ConstView> output_gradients(output_views.begin(), output_views.end());
    const std::vector<View> input_gradients = views<float>(node.inputs, gradients_);
    BackwardArguments arguments{.inputs = inputs,
                                .outputs = outputs,
                                .saved = saved_[first],
                                .output_gradients = output_gradients,
                                .input_gradients = input_gradients,
                                .workspace = workspaces_[first],
                                .training = options_.training,
                                .cache = &caches_[index]};
    prepare_gradients(node, arguments);
    if (chain == chains_.end()) return eigenbit::internal::backward(node.op, arguments);
    ResidualGradient to_residual;
    if (through_residual) {
        const std::size_t residual = at(chain->second.residual);
        to_residual = {gradients_[residual].data, !has_gradient_[residual]};
        has_gradient_[residual] = true;
    }
    eigenbit::internal::backward(std::get<BatchNormalization>(node.op), arguments, tail_of(chain->second), to_residual);
}

// The first gradient of a value is set, or added to zeros; others are added to it.
void GraphExecutor::prepare_gradients(const Node& node, BackwardArguments& arguments) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const std::size_t input = at(node.inputs[i]);
        if (!needs_gradient_[input] || has_gradient_[input]) continue;
        has_gradient_[input] = true;
        if (overwrites_gradients(node.op) && std::ranges::count(node.inputs, node.inputs[i]) == 1) {
            arguments.overwrites[i] = true;
        } else {
            set_to_zero(gradients_[input]);
        }
    }
}

}  // namespace eigenbit::internal
