#include "compress/correction/correction.h"

#include "compress/statistics/channel_moments.h"
#include "compress/statistics/output_distortion.h"
#include "engine/executor/graph_executor.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/expand_products.h"
#include "engine/passes/simulate_int8.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace eigenbit::internal {
namespace {

/// Where a network is corrected: a BatchNormalization, or a layer that none follows.
struct Site {
    std::size_t node;
    ValueId observed;  ///< a normalization's input, a layer's output
    ValueId scale;     ///< a normalization's variances, a layer's gains
    ValueId shift;     ///< a normalization's means, a layer's biases
    bool normalization;
};

/// The moments of a value's channels over all images, and without those that judge.
struct Moments {
    ChannelMoments all;
    ChannelMoments learned;
};

using FloatMoments = std::map<ValueId, Moments>;

Moments moments_of(ConstView values, std::int64_t images, std::int64_t judging) {
    const std::int64_t channels = values.shape.back();
    const std::int64_t rows = values.elements() / channels;
    const std::int64_t learning_rows = (images - judging) * (rows / images);
    const auto of_rows = [&](std::int64_t begin, std::int64_t end) {
        ChannelSums sums(channels);
        sums.add(ConstView{Shape{end - begin, channels}, values.data + begin * channels});
        return sums;
    };
    ChannelSums sums = of_rows(0, learning_rows);
    const ChannelMoments learned = sums.moments();
    sums.add(of_rows(learning_rows, rows));
    return {sums.moments(), learned};
}

FloatMoments float_moments(const Graph& graph, ConstView images, std::int64_t judging) {
    FloatMoments moments;
    GraphExecutor session(graph, images.shape);
    session.bind(graph.inputs().front().value, images);
    const auto add = [&](ValueId value) {
        if (!moments.contains(value)) moments[value] = moments_of(session.value(value), images.shape[0], judging);
    };
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (std::holds_alternative<BatchNormalization>(node.op)) add(node.inputs[0]);
        session.forward(i, i + 1);
        if (is_layer(node.op)) add(node.outputs[0]);
    }
    return moments;
}

/// The outputs of layers.
std::set<ValueId> layer_outputs(const Graph& graph) {
    std::set<ValueId> outputs;
    for (const Node& node : graph.nodes()) {
        if (is_layer(node.op)) outputs.insert(node.outputs[0]);
    }
    return outputs;
}

/// Makes sure that what will be corrected exists, and belongs to one node. In the order of the nodes.
std::vector<Site> prepare(const Graph& original, Graph& graph) {
    const std::set<ValueId> outputs = layer_outputs(original);
    const GraphUses uses(graph);
    // A value whose only reader is a batch normalization is corrected there.
    const auto normalized = [&](ValueId value) {
        const auto reader = uses.only_reader(value);
        return reader && std::holds_alternative<BatchNormalization>(graph.nodes()[*reader].op);
    };
    std::vector<Site> sites;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        if (normalization_at(graph, i)) {
            own_parameter(graph, i, BatchNormalization::kMean);
            own_parameter(graph, i, BatchNormalization::kVariance);
            const NormalizationView view = normalization_at(graph, i).value();
            sites.push_back({i, view.input, view.variance, view.mean, true});
        }
        const auto layer = layer_at(graph, i);
        if (!layer || !outputs.contains(layer->output) || normalized(layer->output)) continue;
        add_own_gain_and_bias(graph, i);
        const LayerView view = layer_at(graph, i).value();
        sites.push_back({i, view.output, view.gain.value(), view.bias.value(), false});
    }
    return sites;
}

/// A site's parameters.
struct Values {
    Tensor scale;
    Tensor shift;
};

/// This share of what gives a channel that has the moments `now` those that it had before; gains by their logarithms.
Values corrected(const Site& site, Values values, const ChannelMoments& before, const ChannelMoments& now,
                 double share) {
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const double gain = std::pow(restoring_gain(before.variance[c], now.variance[c]), share);
        const double moved = share * (now.mean[c] - before.mean[c]);
        float& scale = values.scale[static_cast<std::int64_t>(c)];
        float& shift = values.shift[static_cast<std::int64_t>(c)];
        if (site.normalization) {
            scale /= static_cast<float>(gain * gain);
            shift += static_cast<float>(moved);
        } else {
            scale *= static_cast<float>(gain);
            shift = static_cast<float>(now.mean[c] - moved - gain * (now.mean[c] - static_cast<double>(shift)));
        }
    }
    return values;
}

/// What the network puts out for some images, as its parameters change, against what it should.
class Judge {
  public:
    Judge(const Graph& original, const Graph& graph, ConstView images)
        : session_(graph, images.shape, {.keep_values = true}) {
        GraphExecutor float_session(original, images.shape);
        expected_ = Tensor(float_session.run(images));
        session_.run(images);
        distortion_ = distortion();
    }

    /// Of the network as it is.
    double current() const { return distortion_; }

    /// With these parameters at a site.
    double of(const Site& site, const Values& values) { return run(site, values.scale, values.shift); }

    /// From now on the network is what its graph says at this site.
    void update(const Site& site, const Graph& graph) {
        distortion_ = run(site, graph.parameter(site.scale).values(), graph.parameter(site.shift).values());
    }

  private:
    double run(const Site& site, ConstView scale, ConstView shift) {
        session_.bind(site.scale, scale);
        session_.bind(site.shift, shift);
        session_.forward_from(site.node);
        return distortion();
    }

    double distortion() const { return squared_distance(session_.output(), expected_); }

    GraphExecutor session_;
    Tensor expected_;
    double distortion_ = 0.0;
};

/// The share of a correction learned from other images that disturbs the output least, or none.
double best_share(const Site& site, const Values& values, const Moments& before, const Moments& now, Judge& judge) {
    double best = 0.0;
    double least = judge.current();
    for (const double share : {1.0, 0.5}) {
        const double distortion = judge.of(site, corrected(site, values, before.learned, now.learned, share));
        if (!(distortion < least)) continue;
        least = distortion;
        best = share;
    }
    return best;
}

}  // namespace

void prepare_correction(const Graph& original, Graph& compressed) { prepare(original, compressed); }

void correct(const Graph& original, Graph& compressed, ConstView images, std::int64_t most_judging) {
    const std::int64_t count = images.shape[0];
    if (count < 2) {
        prepare(original, compressed);
        return;
    }
    const std::int64_t judging = std::min(most_judging, count / 2);
    const FloatMoments before = float_moments(original, images, judging);
    const std::vector<ExpandedLayer> expanded = expand_products(compressed);
    // Before the sessions are planned, which only know the parameters they have seen.
    const std::vector<Site> sites = prepare(original, compressed);
    Graph executed = compressed;
    simulate_int8(executed);
    GraphExecutor session(executed, images.shape);
    session.bind(executed.inputs().front().value, images);
    std::optional<Judge> judge;
    if (judging > 0) judge.emplace(original, executed, images.slice(count - judging, count));
    std::size_t ran = 0;
    for (const Site& site : sites) {
        const std::size_t observable = site.node + (site.normalization ? 0 : 1);
        session.forward(ran, observable);
        ran = site.node;  // a layer is run again with what it gets
        const auto float_values = before.find(site.observed);
        if (float_values == before.end()) continue;
        const Moments now = moments_of(session.value(site.observed), count, judging);
        Tensor& scale = compressed.parameter(site.scale).values();
        Tensor& shift = compressed.parameter(site.shift).values();
        const Values values{scale, shift};
        const double share = judge ? best_share(site, values, float_values->second, now, *judge) : 1.0;
        const Values changed = corrected(site, values, float_values->second.all, now.all, share);
        std::ranges::copy(changed.scale.values(), scale.data());
        std::ranges::copy(changed.shift.values(), shift.data());
        session.bind(site.scale, scale);
        session.bind(site.shift, shift);
        if (judge) judge->update(site, compressed);
    }
    collapse_products(compressed, expanded);
}

}  // namespace eigenbit::internal
