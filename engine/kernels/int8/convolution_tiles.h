// The text of the integer convolution kernels. An instruction set's integer.cpp includes it inside an
// anonymous namespace, after pixel_tiles.h and int8/output_function_tiles.h and after defining
//   Vector           kWidth, Sums (32-bit integers), Floats, Inputs, Weights, Mask, and what is done with them;
//                    load_quads, repeat and add_products multiply quads of any inputs and of weights of which no two
//                    neighbours of one sign sum to more than kLargestInt16WeightSum; load_weights, to_inputs and dot
//                    those of any weights, which is slower where kSmallPairsAreFaster; multiply_add rounds its product,
//                    as every instruction set can; Lowest, the least byte, for bytes that are made of floats of at most
//                    255; store_panel stores those of at least kLeastPanelVectors vectors of the channels of which
//                    stores_panel is true
//   kPanelVectors, kTileRows   as for f32/forward_tiles.h
// A tile is kRows pixels x kVectors vectors of sums, which stay in registers from the first input to the last.

struct NoResidual {};

/// Calls visit(what becomes of values, where outputs go, what is added to them first) with pointers of their types.
/// `slopes` as OutputFunction's.
template <typename Visit>
void with_output(const Int8Block& block, const float* slopes, const Visit& visit) {
    const auto visit_function = [&](const auto& function) {
        const auto visit_output = [&](auto* output) {
            if (block.residual) return visit(function, output, block.residual);
            if (block.residual_bytes) return visit(function, output, block.residual_bytes);
            constexpr const NoResidual* kNone = nullptr;
            visit(function, output, kNone);
        };
        if (block.output_bytes) return visit_output(block.output_bytes);
        visit_output(block.output);
    };
    if (block.function.kind == Int8Function::Kind::none) return visit_function(NoFunction());
    visit_function(OutputFunction(block, slopes));
}

/// Makes outputs of the values of neighbouring channels.
template <typename Function>
class ValueStore {
  public:
    ValueStore(const Int8Block& block, const Function& function)
        : function_(function),
          channels_(block.channels),
          residual_scale_(Vector::broadcast(block.residual_scale)),
          low_(Vector::broadcast(block.low)),
          high_(Vector::broadcast(block.high)) {}

    /// A vector of them, from channel `first` on, of a pixel's outputs from this place on.
    template <typename Output, typename Residual>
    void operator()(Vector::Floats value, size_t first, ptrdiff_t pixel, Output* output,
                    const Residual* residual) const {
        const bool whole = first + Vector::kWidth <= channels_;
        const Vector::Mask lanes = Vector::mask(channels_ - first);
        const ptrdiff_t at = pixel + static_cast<ptrdiff_t>(first);
        if constexpr (!__is_same(Residual, NoResidual)) {
            const Vector::Floats added = whole ? Vector::load(residual + at) : Vector::load(residual + at, lanes);
            value = Vector::multiply_add(added, residual_scale_, value);
        }
        Vector::Floats values[] = {value};
        function_(values, first);
        value = Vector::clamp(values[0], low_, high_);
        if (whole) {
            Vector::store(output + at, value);
        } else {
            Vector::store(output + at, lanes, value);
        }
    }

  private:
    Function function_;
    size_t channels_;
    Vector::Floats residual_scale_, low_, high_;
};

/// store_as for bytes of a panel, which are rounded before they are raised to `low`.
template <size_t kVectors, typename V, typename Function, typename Residual>
void store_panel(const Int8Block& block, size_t rows, const int32_t* sums, const ptrdiff_t* outputs,
                 const Function& function, uint8_t* output, const Residual* residual) {
    const size_t channels = block.channels;
    const typename V::Lowest low = V::lowest(block.low);
    // In floats, because integers of 32 bits do not hold all values.
    const typename V::Floats high = V::broadcast(block.high);
    const typename V::Floats residual_scale = V::broadcast(block.residual_scale);
    typename V::Floats scale[kVectors];
    typename V::Floats bias[kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
        scale[v] = V::load(block.scale + v * V::kWidth);
        bias[v] = V::load(block.bias + v * V::kWidth);
    }
    for (size_t p = 0; p < rows; ++p) {
        typename V::Floats values[kVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) {
            const typename V::Sums sum = V::load_sums(sums + (p * kVectors + v) * V::kWidth);
            values[v] = function.value(sum, scale[v], bias[v]);
            if constexpr (!__is_same(Residual, NoResidual)) {
                const typename V::Floats added = V::load_of_panel(residual + outputs[p], v * V::kWidth, channels);
                values[v] = V::multiply_add(added, residual_scale, values[v]);
            }
        }
        function(values, 0);
#pragma GCC unroll 4
        for (typename V::Floats& value : values) value = V::at_most(high, value);
        V::store_panel(output + outputs[p], channels, values, low);
    }
}

/// Turns the sums (rows, kVectors vectors) into outputs, which are floats or bytes, with a residual of either or none.
template <size_t kVectors, typename Function, typename Output, typename Residual>
void store_as(const Int8Block& block, size_t rows, const int32_t* sums, const ptrdiff_t* outputs,
              const Function& function, Output* output, const Residual* residual) {
    if constexpr (__is_same(Output, uint8_t) && kVectors >= Vector::kLeastPanelVectors) {
        if (Vector::stores_panel(block.channels)) {
            return store_panel<kVectors, Vector>(block, rows, sums, outputs, function, output, residual);
        }
    }
    // Copies, because the compiler must assume that a store of bytes changes anything in memory.
    const float* const scales = block.scale;
    const float* const biases = block.bias;
    const ValueStore<Function> store_value(block, function);
    for (size_t first = 0; first < kVectors * Vector::kWidth; first += Vector::kWidth) {
        const Vector::Floats scale = Vector::load(scales + first);
        const Vector::Floats bias = Vector::load(biases + first);
        for (size_t p = 0; p < rows; ++p) {
            const Vector::Sums sum = Vector::load_sums(sums + p * kVectors * Vector::kWidth + first);
            store_value(function.value(sum, scale, bias), first, outputs[p], output, residual);
        }
    }
}

/// The sums come by way of memory: were they held in registers for every kind of output, the compiler would keep them
/// in memory during the multiplications (measured).
template <size_t kVectors>
[[gnu::noinline]] void store(const Int8Block& block, size_t rows, int32_t* sums, const ptrdiff_t* outputs) {
    if (makes_values_first(block)) {
        make_values(block, rows, kVectors, sums);
        const MadeFunction function(block);
        constexpr const NoResidual* kNone = nullptr;
        if (!block.output_bytes) return store_as<kVectors>(block, rows, sums, outputs, function, block.output, kNone);
        return store_as<kVectors>(block, rows, sums, outputs, function, block.output_bytes, kNone);
    }
    with_output(block, block.slopes, [&](const auto& function, auto* output, const auto* residual) {
        store_as<kVectors>(block, rows, sums, outputs, function, output, residual);
    });
}

template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void start_sums(const Int8Block& block, Vector::Sums (&sums)[kRows][kVectors]) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
        const Vector::Sums start = Vector::load_sums(block.start + v * Vector::kWidth);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) sums[p][v] = start;
    }
}

/// Adds the products of the quads from `input` on.
template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void add_quad(const uint8_t* const (&sources)[kRows], size_t input, const int8_t* weights,
                                            Vector::Sums (&sums)[kRows][kVectors]) {
    decltype(Vector::load_quads(weights)) w[kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) w[v] = Vector::load_quads(weights + 4 * v * Vector::kWidth);
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) {
        const auto x = Vector::repeat(sources[p] + input);
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) sums[p][v] = Vector::add_products(sums[p][v], x, w[v]);
    }
}

/// The values of bytes before they are raised to `low` and rounded, without a residual: in the order of vectors, so
/// that the sums leave registers to scale and bias.
template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void scale_sums(const Int8Block& block, const Vector::Sums (&sums)[kRows][kVectors],
                                              Vector::Floats high, Vector::Floats (&values)[kRows][kVectors]) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
        const Vector::Floats scale = Vector::load(block.scale + v * Vector::kWidth);
        const Vector::Floats bias = Vector::load(block.bias + v * Vector::kWidth);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            values[p][v] = Vector::at_most(high, Vector::multiply_add(Vector::to_floats(sums[p][v]), scale, bias));
        }
    }
}

/// store_panel of sums in registers, without a residual.
template <typename V, size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void store_panel(const Int8Block& block, const typename V::Sums (&sums)[kRows][kVectors],
                                               const ptrdiff_t* outputs) {
    const size_t channels = block.channels;
    uint8_t* const output = block.output_bytes;
    const typename V::Lowest low = V::lowest(block.low);
    typename V::Floats values[kRows][kVectors];
    scale_sums(block, sums, V::broadcast(block.high), values);
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) V::store_panel(output + outputs[p], channels, values[p], low);
}

template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void save_sums(const Vector::Sums (&sums)[kRows][kVectors], int32_t* to) {
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) Vector::store_sums(to + (p * kVectors + v) * Vector::kWidth, sums[p][v]);
    }
}

/// Whether outputs are bytes of the sums alone, which are made in registers.
bool stores_from_registers(const Int8Block& block) {
    return block.output_bytes && !block.residual && !block.residual_bytes
           && block.function.kind == Int8Function::Kind::none;
}

template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void store_sums(const Int8Block& block, const Vector::Sums (&sums)[kRows][kVectors],
                                              const ptrdiff_t* outputs) {
    if constexpr (kVectors >= Vector::kLeastPanelVectors) {
        if (stores_from_registers(block) && Vector::stores_panel(block.channels)) {
            return store_panel<Vector>(block, sums, outputs);
        }
    }
    alignas(64) int32_t memory[kRows * kVectors * Vector::kWidth];
    save_sums(sums, memory);
    store<kVectors>(block, kRows, memory, outputs);
}

/// Calls visit(where each pixel's inputs lie, how many there are) for every segment.
template <size_t kRows, typename Pixels, typename Visit>
[[gnu::always_inline]] inline void for_each_segment(const Int8Block& block, const Pixels& pixels, const Visit& visit) {
    for (size_t s = 0; s < block.grid.segment_count; ++s) {
        const uint8_t* sources[kRows];
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) sources[p] = pixels.sources[p] + block.grid.segments[s].offset;
        visit(sources, 4 * block.grid.segments[s].quads);
    }
}

template <size_t kRows, size_t kVectors>
struct SumTile {
    template <typename Pixels>
    [[gnu::noinline]] static void run(const Int8Block& block, const Pixels& pixels) {
        Vector::Sums sums[kRows][kVectors];
        start_sums(block, sums);
        const int8_t* weights = block.weights;
        for_each_segment<kRows>(
            block, pixels, [&](const auto& sources, size_t inputs) __attribute__((always_inline)) {
                for (size_t input = 0; input < inputs; input += 4) {
                    add_quad(sources, input, weights, sums);
                    weights += 4 * kVectors * Vector::kWidth;
                }
            });
        store_sums(block, sums, pixels.outputs);
    }
};

/// Calls the tile for as many pixels as there are.
template <template <size_t, size_t> typename Tile, size_t kRows, size_t kVectors, typename Pixels>
void run_tile(size_t count, const Int8Block& block, const Pixels& pixels) {
    if (count == kRows) return Tile<kRows, kVectors>::run(block, pixels);
    if constexpr (kRows > 1) run_tile<Tile, kRows - 1, kVectors>(count, block, pixels);
}

/// All tiles of a block, of at most kMostRows[vectors] pixels.
template <template <size_t, size_t> typename Tile, const size_t (&kMostRows)[kPanelVectors + 1],
          size_t kVectors = kPanelVectors>
void run_tiles(const Int8Block& block) {
    if (block.vectors == kVectors) {
        return for_each_tile<kMostRows[kVectors], uint8_t>(block, [&](const auto& pixels, size_t count) {
            run_tile<Tile, kMostRows[kVectors], kVectors>(count, block, pixels);
        });
    }
    if constexpr (kVectors > 1) run_tiles<Tile, kMostRows, kVectors - 1>(block);
}
