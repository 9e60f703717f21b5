#include "tests/engine/formats/onnx/model.h"
#include "tests/error_of.h"

#include <algorithm>
#include <cmath>

using namespace eigenbit::internal;

namespace {

const Shape kImages{2, 4, 5, 6};
const Integers kOpenImages{0, 4, 5, 6};
constexpr float kLowest = std::numeric_limits<float>::lowest();

struct Window {
    std::int64_t top, left;  // padding
    std::int64_t stride_y, stride_x;
    std::int64_t height, width;  // kernel
};

/// Σ weight · x over a window of one group's channels, straight from the definition.
float convolve(const Tensor& x, const Tensor& weight, const Integers& i, const Window& window) {
    const std::int64_t channels = weight.shape()[1];
    const std::int64_t group = i[1] / (weight.shape()[0] * channels / x.shape()[1]);
    float sum = 0.0F;
    for (std::int64_t c = 0; c < channels; ++c) {
        for (std::int64_t ky = 0; ky < window.height; ++ky) {
            for (std::int64_t kx = 0; kx < window.width; ++kx) {
                sum += at(weight, {i[1], c, ky, kx})
                       * at(x, {i[0], group * channels + c, i[2] * window.stride_y + ky - window.top,
                                i[3] * window.stride_x + kx - window.left});
            }
        }
    }
    return sum;
}

/// The largest value (or the sum) in a window, and how many of its pixels lie in the image.
struct Pooled {
    float largest = kLowest;
    float sum = 0.0F;
    float pixels = 0.0F;

    Pooled(const Tensor& x, const Integers& i, const Window& window) {
        for (std::int64_t ky = 0; ky < window.height; ++ky) {
            for (std::int64_t kx = 0; kx < window.width; ++kx) {
                const std::int64_t row = i[2] * window.stride_y + ky - window.top;
                const std::int64_t column = i[3] * window.stride_x + kx - window.left;
                if (row < 0 || column < 0 || row >= x.shape()[2] || column >= x.shape()[3]) continue;
                largest = std::max(largest, at(x, {i[0], i[1], row, column}));
                sum += at(x, {i[0], i[1], row, column});
                pixels += 1.0F;
            }
        }
    }
};

float dot(const Tensor& a, const Integers& row, const Tensor& b, std::int64_t column) {
    float sum = 0.0F;
    Integers index = row;
    for (std::int64_t k = 0; k < b.shape()[0]; ++k) {
        index.back() = k;
        sum += at(a, index) * at(b, {k, column});
    }
    return sum;
}

Tensor transposed(const Tensor& matrix) { return permuted(matrix, std::array{1, 0}); }

}  // namespace

TEST_CASE("Conv has stride, padding and groups as ONNX defines them") {
    const Tensor weight = random_tensor({6, 2, 3, 2}, 1);
    const Tensor bias = random_tensor({6}, 2);
    OnnxModel model;
    model.input("x", kOpenImages).constant("w", weight).constant("b", bias).output("y");
    model.node("Conv", {"x", "w", "b"}, {"y"},
               {{"strides", Integers{2, 1}}, {"pads", Integers{1, 0, 2, 1}}, {"group", std::int64_t{2}}});
    check_output(model, kImages, {2, 6, 3, 6}, [&](const Tensor& x, const Integers& i) {
        return convolve(x, weight, i, {1, 0, 2, 1, 3, 2}) + bias[i[1]];
    });
}

TEST_CASE("a depthwise convolution whose weights are transposed in the file is evaluated at import") {
    const Tensor keras = random_tensor({3, 3, 4, 1}, 1);  // height, width, channels, multiplier
    OnnxModel model;
    model.input("x", kOpenImages).constant("k", keras).output("y");
    model.node("Transpose", {"k"}, {"w"}, {{"perm", Integers{2, 3, 0, 1}}});
    model.node("Conv", {"x", "w"}, {"y"}, {{"group", std::int64_t{4}}, {"auto_pad", "SAME_UPPER"}});
    CHECK(model.read().graph.nodes().size() == 1);
    check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
        return convolve(x, permuted(keras, std::array{2, 3, 0, 1}), i, {1, 1, 1, 1, 3, 3});
    });
}

TEST_CASE("auto_pad puts an odd pixel where it says") {
    const Tensor weight = random_tensor({3, 4, 3, 2}, 1);
    const auto model = [&](const std::string& padding) {
        OnnxModel result;
        result.input("x", kOpenImages).constant("w", weight).output("y");
        return result.node("Conv", {"x", "w"}, {"y"}, {{"strides", Integers{2, 2}}, {"auto_pad", padding}});
    };
    // 5 rows give 3 outputs and need 2 rows of padding; 6 columns give 3 outputs and need none.
    for (const std::string padding : {"SAME_UPPER", "SAME_LOWER"}) {
        check_output(model(padding), kImages, {2, 3, 3, 3}, [&](const Tensor& x, const Integers& i) {
            return convolve(x, weight, i, {1, 0, 2, 2, 3, 2});
        });
    }
    check_output(model("VALID"), kImages, {2, 3, 2, 3}, [&](const Tensor& x, const Integers& i) {
        return convolve(x, weight, i, {0, 0, 2, 2, 3, 2});
    });
    for (const bool lower : {false, true}) {
        OnnxModel odd;
        odd.input("x", {0, 4, 6, 6}).constant("w", weight).output("y");
        odd.node("Conv", {"x", "w"}, {"y"},
                 {{"strides", Integers{2, 2}}, {"auto_pad", lower ? "SAME_LOWER" : "SAME_UPPER"}});
        check_output(odd, {2, 4, 6, 6}, {2, 3, 3, 3}, [&](const Tensor& x, const Integers& i) {
            return convolve(x, weight, i, {lower ? 1 : 0, 0, 2, 2, 3, 2});
        });
    }
}

TEST_CASE("a convolution takes over zero padding before it and a constant added after it") {
    const Tensor weight = random_tensor({3, 4, 3, 3}, 1);
    const Tensor bias = random_tensor({1, 3, 1, 1}, 2);
    OnnxModel model;
    model.input("x", kOpenImages).constant("w", weight).constant("b", bias).output("y");
    model.integers("pads", {0, 0, 0, 1, 0, 0, 2, 0}).node("Pad", {"x", "pads"}, {"p"});
    model.node("Conv", {"p", "w"}, {"c"}, {{"pads", Integers{1, 0, 0, 0}}}).node("Add", {"b", "c"}, {"y"});
    CHECK(model.read().graph.nodes().size() == 1);
    check_output(model, kImages, {2, 3, 6, 5}, [&](const Tensor& x, const Integers& i) {
        return convolve(x, weight, i, {1, 1, 1, 1, 3, 3}) + bias[i[1]];
    });
}

TEST_CASE("a constant added to one of several uses of a convolution does not become its bias") {
    OnnxModel model;
    model.input("x", kOpenImages)
        .constant("w", random_tensor({4, 4, 1, 1}, 1))
        .constant("b", random_tensor({4, 1, 1}, 2));
    model.node("Conv", {"x", "w"}, {"c"}).node("Identity", {"c"}, {"d"}).node("Add", {"d", "b"}, {"e"});
    model.node("Sub", {"e", "c"}, {"y"}).output("y");
    const Tensor bias = random_tensor({4, 1, 1}, 2);
    check_output(model, kImages, kImages, [&](const Tensor&, const Integers& i) { return bias[i[1]]; });
}

TEST_CASE("Gemm multiplies its factors into weights and bias") {
    const Tensor a = random_tensor({5, 3}, 1);  // (I, O)
    const Tensor bias = random_tensor({3}, 2);
    for (const bool transposed_weights : {false, true}) {
        OnnxModel model;
        model.input("x", {0, 5}).constant("w", transposed_weights ? transposed(a) : a).constant("b", bias).output("y");
        model.node("Gemm", {"x", "w", "b"}, {"y"},
                   {{"alpha", 0.5F}, {"beta", 2.0F}, {"transB", std::int64_t{transposed_weights}}});
        CHECK(model.read().graph.nodes().size() == 1);
        check_output(model, {4, 5}, {4, 3},
                     [&](const Tensor& x, const Integers& i) { return 0.5F * dot(x, i, a, i[1]) + 2.0F * bias[i[1]]; });
    }
    OnnxModel of_activations;
    of_activations.input("x", {4, 5}).constant("b", bias).constant("w", a).output("y");
    of_activations.node("Relu", {"x"}, {"r"}).node("MatMul", {"r", "w"}, {"m"});  // (4, 3)
    of_activations.node("Gemm", {"m", "m", "one"}, {"y"}, {{"transA", std::int64_t{1}}}).number("one", 1.0F);
    check_output(of_activations, {4, 5}, {3, 3}, [&](const Tensor& x, const Integers& i) {
        Tensor r = x;
        for (float& value : r.values()) value = std::max(value, 0.0F);
        float sum = 1.0F;
        for (std::int64_t n = 0; n < 4; ++n) sum += dot(r, {n, 0}, a, i[0]) * dot(r, {n, 0}, a, i[1]);
        return sum;
    });
}

TEST_CASE("MatMul with constant weights and the addition after it are one fully-connected layer") {
    const Tensor weight = random_tensor({6, 3}, 1);
    const Tensor bias = random_tensor({3}, 2);
    for (const Shape& shape : {Shape{2, 6}, Shape{2, 5, 6}, kImages}) {
        Integers open(shape.begin(), shape.end());
        open[0] = 0;
        OnnxModel model;
        model.input("x", open).constant("w", weight).constant("b", bias).output("y");
        model.node("MatMul", {"x", "w"}, {"m"}).node("Add", {"m", "b"}, {"y"});
        CHECK(model.read().graph.nodes().size() == (shape.rank() == 4 ? 3 : 1));  // with transposes
        Shape output = shape;
        output[shape.rank() - 1] = 3;
        check_output(model, shape, output,
                     [&](const Tensor& x, const Integers& i) { return dot(x, i, weight, i.back()) + bias[i.back()]; });
    }
}

TEST_CASE("MatMul of two activations works on ONNX's last two axes") {
    OnnxModel model;
    model.input("x", kOpenImages).node("Transpose", {"x"}, {"t"}, {{"perm", Integers{0, 1, 3, 2}}});
    model.node("MatMul", {"x", "t"}, {"y"}).output("y");
    check_output(model, kImages, {2, 4, 5, 5}, [](const Tensor& x, const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 6; ++k) sum += at(x, {i[0], i[1], i[2], k}) * at(x, {i[0], i[1], i[3], k});
        return sum;
    });
}

TEST_CASE("a fully-connected layer after Flatten has its weights reordered instead of the images") {
    const Tensor weight = random_tensor({120, 3}, 1);
    OnnxModel model;
    model.input("x", kOpenImages).constant("w", weight).output("y");
    model.node("Flatten", {"x"}, {"f"}).node("Relu", {"f"}, {"r"}).node("Dropout", {"r"}, {"d"});
    model.node("Gemm", {"d", "w"}, {"y"});
    const Graph graph = model.read().graph;
    CHECK(graph.nodes().size() == 4);  // no Transpose
    const auto expected = [&](const Tensor& x, const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 120; ++k) sum += std::max(x[i[0] * 120 + k], 0.0F) * at(weight, {k, i[1]});
        return sum;
    };
    check_output(model, kImages, {2, 3}, expected);

    model.node("Sigmoid", {"f"}, {"s"}).node("Gemm", {"s", "w"}, {"q"});  // a second reader of the same columns
    model.node("Softmax", {"f"}, {"m"}, {{"axis", std::int64_t{1}}}).output("q").output("m");
    check_output(model, kImages, {2, 3}, expected);
}

TEST_CASE("BatchNormalization normalises the channels of matrices, sequences and images") {
    const auto statistic = [](std::uint64_t seed, float low) { return random_tensor({4}, seed, low, 1.5F); };
    for (const Shape& shape : {Shape{3, 4}, Shape{2, 4, 5}, kImages}) {
        Integers open(shape.begin(), shape.end());
        open[0] = 0;
        OnnxModel model(9);
        model.input("x", open).constant("s", statistic(1, -1.0F)).constant("b", statistic(2, -1.0F));
        model.constant("m", statistic(3, -1.0F)).constant("v", statistic(4, 0.1F)).output("y");
        model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}, {{"epsilon", 0.01F}});
        check_output(model, shape, shape, [&](const Tensor& x, const Integers& i) {
            const std::int64_t c = i[1];
            return statistic(1, -1.0F)[c] * (at(x, i) - statistic(3, -1.0F)[c])
                       / std::sqrt(statistic(4, 0.1F)[c] + 0.01F)
                   + statistic(2, -1.0F)[c];
        });
    }
}

TEST_CASE("pooling has ONNX's windows, and averages count padding only when told to") {
    const Window window{1, 0, 2, 1, 3, 2};
    const OnnxModel::Attributes attributes{
        {"kernel_shape", Integers{3, 2}}, {"strides", Integers{2, 1}}, {"pads", Integers{1, 0, 1, 1}}};
    OnnxModel max_pool(9);
    max_pool.input("x", kOpenImages).node("MaxPool", {"x"}, {"y"}, attributes).output("y");
    check_output(max_pool, kImages, {2, 4, 3, 6},
                 [&](const Tensor& x, const Integers& i) { return Pooled(x, i, window).largest; });
    for (const bool count_padding : {false, true}) {
        auto with_padding = attributes;
        with_padding.emplace_back("count_include_pad", std::int64_t{count_padding});
        OnnxModel average(11);
        average.input("x", kOpenImages).node("AveragePool", {"x"}, {"y"}, with_padding).output("y");
        check_output(average, kImages, {2, 4, 3, 6}, [&](const Tensor& x, const Integers& i) {
            const Pooled pooled(x, i, window);
            return pooled.sum / (count_padding ? 6.0F : pooled.pixels);
        });
    }
    OnnxModel ceil_mode(11);
    ceil_mode.input("x", kOpenImages).output("y");
    ceil_mode.node("MaxPool", {"x"}, {"y"},
                   {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}, {"ceil_mode", std::int64_t{1}}});
    check_output(ceil_mode, kImages, {2, 4, 3, 3}, [&](const Tensor& x, const Integers& i) {
        return Pooled(x, i, {0, 0, 2, 2, 2, 2}).largest;
    });
}

TEST_CASE("MaxUnpool puts values back where a MaxPool found the maxima") {
    const OnnxModel::Attributes halves{{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}};
    const auto model = [&](const Integers& images) {
        OnnxModel result;
        result.input("x", images).node("MaxPool", {"x"}, {"p", "i"}, halves).node("Neg", {"p"}, {"n"});
        return result;
    };
    // The maximum of each window, negative, in its place. (Random values are all different.)
    const auto expected = [](const Tensor& x, const Integers& i) {
        const Integers first{i[0], i[1], i[2] / 2 * 2, i[3] / 2 * 2};
        if (first[2] + 1 >= x.shape()[2] || first[3] + 1 >= x.shape()[3]) return 0.0F;
        const float largest = Pooled(x, {i[0], i[1], i[2] / 2, i[3] / 2}, {0, 0, 2, 2, 2, 2}).largest;
        return at(x, i) == largest ? -largest : 0.0F;
    };
    OnnxModel even = model({0, 4, 0, 0});
    even.node("MaxUnpool", {"n", "i"}, {"y"}, halves).output("y").output("p");
    const Graph graph = even.read({.height = 6, .width = 8}).graph;
    CHECK(graph.nodes().size() == 3);
    check_output(model({0, 4, 6, 8}).node("MaxUnpool", {"n", "i"}, {"y"}, halves).output("y"), {2, 4, 6, 8},
                 {2, 4, 6, 8}, expected);
    // Of images of other sizes the file says to which size they return.
    check_output(
        model({0, 4, 0, 0}).node("Shape", {"x"}, {"s"}).node("MaxUnpool", {"n", "i", "s"}, {"y"}, halves).output("y"),
        kImages, kImages, expected);
    // Written, one MaxPool has both outputs.
    const TemporaryFolder folder;
    write_onnx(Model{graph, {}, {}}, folder / "again.onnx");
    CHECK(read_onnx(folder / "again.onnx").graph.nodes().size() == 3);
}

TEST_CASE("what PyTorch 2 writes for MaxUnpool is read as one") {
    const OnnxModel::Attributes halves{{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}};
    const auto model = [&](std::int64_t plane) {
        OnnxModel result;
        result.input("x", {1, 3, 4, 6}).node("MaxPool", {"x"}, {"p", "i"}, halves);
        result.node("MaxPool", {"x"}, {"same", "all"}, {{"kernel_shape", Integers{1, 1}}});
        result.integers("zeros", {0, 0}).integers("ones", {1, 1}).integers("axes", {2, 3}).integers("flat", {-1});
        result.node("Slice", {"all", "zeros", "ones", "axes"}, {"first"}).node("Sub", {"i", "first"}, {"inside"});
        result.integers("planes", {1, 3, 1, 1}, {0, plane, 2 * plane}).node("Add", {"inside", "planes"}, {"sum"});
        result.node("Reshape", {"sum", "flat"}, {"row"}).node("Unsqueeze", {"row", "flat"}, {"indices"});
        result.integers("shape", {72}).node("ConstantOfShape", {"shape"}, {"nothing"});
        result.node("Neg", {"p"}, {"n"}).node("Reshape", {"n", "flat"}, {"values"});
        result.node("ScatterND", {"nothing", "indices", "values"}, {"all_values"}).integers("images", {1, 3, 4, 6});
        return result.node("Reshape", {"all_values", "images"}, {"y"}).output("y");
    };
    CHECK(model(24).read().graph.nodes().size() == 3);
    check_output(model(24), {1, 3, 4, 6}, {1, 3, 4, 6}, [](const Tensor& x, const Integers& i) {
        const float largest = Pooled(x, {i[0], i[1], i[2] / 2, i[3] / 2}, {0, 0, 2, 2, 2, 2}).largest;
        return at(x, i) == largest ? -largest : 0.0F;
    });
    CHECK(error_of([&] { model(23).read(); }).find("indices of maxima, which MaxUnpool alone reads")
          != std::string::npos);
}

TEST_CASE("MaxUnpool of rows, and at constant indices") {
    const OnnxModel::Attributes halves{{"kernel_shape", Integers{2}}, {"strides", Integers{2}}};
    OnnxModel rows;
    rows.input("x", {0, 3, 8}).node("MaxPool", {"x"}, {"p", "i"}, halves).output("y");
    rows.node("MaxUnpool", {"p", "i"}, {"y"}, halves);
    check_output(rows, {2, 3, 8}, {2, 3, 8}, [](const Tensor& x, const Integers& i) {
        const float value = at(x, i);
        return value >= at(x, {i[0], i[1], i[2] ^ 1}) ? value : 0.0F;
    });
    OnnxModel constant;
    constant.input("x", {1, 1, 2}).integers("i", {1, 1, 2}, {3, 0}).output("y");
    constant.node("MaxUnpool", {"x", "i"}, {"y"}, halves);
    check_output(constant, {1, 1, 2}, {1, 1, 4}, [](const Tensor& x, const Integers& i) {
        return i[2] == 3 ? x[0] : i[2] == 0 ? x[1] : 0.0F;
    });
}

TEST_CASE("indices of maxima are refused where nothing goes back by them") {
    const auto refusal = [](const std::string& reader, const OnnxModel::Names& inputs,
                            const OnnxModel::Attributes& attributes, std::int64_t storage_order) {
        OnnxModel model;
        model.input("x", kOpenImages).output("y");
        model.node("MaxPool", {"x"}, {"p", "i"},
                   {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}, {"storage_order", storage_order}});
        model.node(reader, inputs, {"y"}, attributes);
        return error_of([&] { model.read(); });
    };
    const OnnxModel::Attributes halves{{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}};
    const auto contains = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(contains(refusal("Identity", {"i"}, {}, 0), "input 0 ('i') are indices of maxima"));
    CHECK(contains(refusal("MaxUnpool", {"p", "i"}, halves, 1), "down the columns first"));
    CHECK(contains(refusal("MaxUnpool", {"p", "p"}, halves, 0), "input 1 ('p') are no indices"));
    CHECK(contains(refusal("MaxUnpool", {"p", "i"}, halves, 0),
                   "it outputs (1, 4, 4, 6), but its indices are those of (1, 4, 5, 6)"));
}

TEST_CASE("windows of averages may be dilated, and may be norms") {
    OnnxModel mean(19);
    mean.input("x", kOpenImages).output("y");
    mean.node("AveragePool", {"x"}, {"y"}, {{"kernel_shape", Integers{2, 2}}, {"dilations", Integers{3, 2}}});
    const Graph graph = mean.read().graph;
    const Tensor x = random_tensor(kImages, 1);
    const Tensor y = tensor_of({2, 4, 2, 4}, [&](const Integers& i) {
        const auto pixel = [&](std::int64_t dy, std::int64_t dx) { return at(x, {i[0], i[1], i[2] + dy, i[3] + dx}); };
        return (pixel(0, 0) + pixel(0, 2) + pixel(3, 0) + pixel(3, 2)) / 4.0F;
    });
    CHECK(relative_error(run_onnx(graph, x), y) < 1e-6F);
    OnnxModel norm;
    norm.input("x", kOpenImages).output("y");
    norm.node("LpPool", {"x"}, {"y"}, {{"kernel_shape", Integers{2, 3}}, {"pads", Integers{1, 0, 0, 0}}});
    check_output(norm, kImages, {2, 4, 5, 4}, [](const Tensor& image, const Integers& i) {
        float sum = 0.0F;
        for (std::int64_t k = 0; k < 6; ++k) {
            const float value = at(image, {i[0], i[1], i[2] - 1 + k / 3, i[3] + k % 3});
            sum += value * value;
        }
        return std::sqrt(sum);
    });
}

TEST_CASE("global pooling covers the whole image, of any size") {
    const Window whole{0, 0, 1, 1, 5, 6};
    OnnxModel average;
    average.input("x", {0, 4, 0, 0}).node("GlobalAveragePool", {"x"}, {"y"}).output("y");
    CHECK(to_string(average.read().graph.inputs().front().shape) == "(0, 0, 0, 4)");
    check_output(average, kImages, {2, 4, 1, 1},
                 [&](const Tensor& x, const Integers& i) { return Pooled(x, i, whole).sum / 30.0F; });
    OnnxModel largest;
    largest.input("x", {0, 4, 0, 0}).node("GlobalMaxPool", {"x"}, {"y"}).output("y");
    CHECK(to_string(largest.read().graph.inputs().front().shape) == "(0, 0, 0, 4)");
    check_output(largest, kImages, {2, 4, 1, 1},
                 [&](const Tensor& x, const Integers& i) { return Pooled(x, i, whole).largest; });
}

TEST_CASE("Softmax normalises one axis, before opset 13 all axes from it on") {
    const auto check = [](std::int64_t opset, std::int64_t axis, const auto& is_in_sum) {
        OnnxModel model(opset);
        model.input("x", kOpenImages).node("Softmax", {"x"}, {"y"}, {{"axis", axis}}).output("y");
        check_output(model, kImages, kImages, [&](const Tensor& x, const Integers& i) {
            float sum = 0.0F;
            tensor_of(kImages, [&](const Integers& k) {
                if (is_in_sum(i, k)) sum += std::exp(at(x, k));
                return 0.0F;
            });
            return std::exp(at(x, i)) / sum;
        });
    };
    check(13, 1, [](const Integers& i, const Integers& k) { return k[0] == i[0] && k[2] == i[2] && k[3] == i[3]; });
    check(13, -1, [](const Integers& i, const Integers& k) { return k[0] == i[0] && k[1] == i[1] && k[2] == i[2]; });
    check(11, 1, [](const Integers& i, const Integers& k) { return k[0] == i[0]; });
    check(11, 2, [](const Integers& i, const Integers& k) { return k[0] == i[0] && k[1] == i[1]; });
    check(11, 3, [](const Integers& i, const Integers& k) { return k[0] == i[0] && k[1] == i[1] && k[2] == i[2]; });
}

TEST_CASE("Dropout has its ratio in an attribute or an input and does nothing at inference") {
    OnnxModel by_attribute(9);
    by_attribute.input("x", kOpenImages).node("Dropout", {"x"}, {"y"}, {{"ratio", 0.25F}}).output("y");
    OnnxModel by_input(13);
    by_input.input("x", kOpenImages).number("ratio", 0.25F).node("Dropout", {"x", "ratio"}, {"y"}).output("y");
    for (const OnnxModel* model : {&by_attribute, &by_input}) {
        const Graph graph = model->read().graph;
        CHECK(std::get<Dropout>(graph.nodes().front().op).probability == 0.25F);
        check_output(*model, kImages, kImages, [](const Tensor& x, const Integers& i) { return at(x, i); });
    }
}

TEST_CASE("normalization and dropout that were exported in training mode are refused") {
    const auto error_of_training = [](const OnnxModel& model, std::string_view node) {
        const std::string error = error_of([&] { model.read(); });
        CAPTURE(error);
        CHECK(error.find(node) != std::string::npos);
        CHECK(error.find("export with model.eval()") != std::string::npos);
    };
    for (const auto& [opset, outputs] :
         {std::pair{15, OnnxModel::Names{"y", "m1", "v1"}}, {15, {"y"}}, {9, {"y", "m1", "v1", "m2", "v2"}}}) {
        OnnxModel model(opset);
        model.input("x", {0, 4, 5, 6}).output("y");
        for (const char* statistic : {"s", "b", "m", "v"}) model.constant(statistic, random_tensor({4}, 1, 0.1F));
        OnnxModel::Attributes attributes;
        if (opset == 15) attributes.push_back({"training_mode", std::int64_t{1}});
        model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, outputs, attributes);
        error_of_training(model, "BatchNormalization");
    }
    OnnxModel dropout(13);
    dropout.input("x", kOpenImages).number("ratio", 0.25F).integer("training", 1).output("y");
    error_of_training(dropout.node("Dropout", {"x", "ratio", "training"}, {"y"}), "Dropout");
    OnnxModel inference(13);
    inference.input("x", kOpenImages).number("ratio", 0.25F).integer("training", 0).output("y");
    check_output(inference.node("Dropout", {"x", "ratio", "training"}, {"y"}), kImages, kImages,
                 [](const Tensor& x, const Integers& i) { return at(x, i); });
}
